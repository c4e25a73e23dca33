//! Counts commits, and wakes those that wait for one.

use std::future::pending;

use tokio::sync::watch;

/// The number of commits that this process knows of. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Commits(watch::Sender<u64>);

impl Commits {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(0))
    }

    /// Counts a commit.
    pub(crate) fn count(&self) {
        self.0.send_modify(|count| *count += 1);
    }

    /// Waits until more than `seen` commits are counted.
    pub(crate) async fn after(&self, seen: u64) -> u64 {
        let mut commits = self.0.subscribe();
        match commits.wait_for(|count| *count > seen).await.map(|count| *count) {
            Ok(count) => count,
            // The store is closed, so nothing will ever change.
            Err(_) => pending().await,
        }
    }
}
