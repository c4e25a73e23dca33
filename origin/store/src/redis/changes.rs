//! Wakes callers that wait for changes: at once for commits of this process, and by a message for
//! those of others. The messages are only hints. One that is lost delays a caller until it polls.

use std::future::pending;
use std::time::Duration;

use futures::StreamExt;
use redis::{Client, RedisResult};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::keys::CHANGED;

/// How long to wait before subscribing again.
const RESUBSCRIBE_DELAY: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Changes {
    commits: watch::Sender<u64>,
    listener: JoinHandle<()>,
}

impl Changes {
    /// Subscribes to the commits of other processes than this one, on a connection of its own.
    pub(super) fn start(client: Client, own: String) -> Self {
        let commits = watch::Sender::new(0);
        let counted = commits.clone();
        let listener = tokio::spawn(async move {
            loop {
                if let Err(error) = listen(&client, own.as_bytes(), &counted).await {
                    tracing::debug!(%error, "the subscription to commits of other processes was lost");
                }
                tokio::time::sleep(RESUBSCRIBE_DELAY).await;
            }
        });
        Self { commits, listener }
    }

    /// Counts a commit of this process.
    pub(super) fn count(&self) {
        self.commits.send_modify(|count| *count += 1);
    }

    /// Waits until more than `seen` commits are counted.
    pub(super) async fn after(&self, seen: u64) -> u64 {
        let mut commits = self.commits.subscribe();
        match commits.wait_for(|count| *count > seen).await.map(|count| *count) {
            Ok(count) => count,
            // The store is closed, so nothing will ever change.
            Err(_) => pending().await,
        }
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn listen(client: &Client, own: &[u8], commits: &watch::Sender<u64>) -> RedisResult<()> {
    let mut subscription = client.get_async_pubsub().await?;
    subscription.subscribe(CHANGED).await?;
    let mut messages = subscription.into_on_message();
    while let Some(message) = messages.next().await {
        if message.get_payload_bytes() != own {
            commits.send_modify(|count| *count += 1);
        }
    }
    Ok(())
}
