//! Wakes callers that wait for changes: at once for commits of this process, and by a message for
//! those of others. The messages are only hints. One that is lost delays a caller until it polls.

use std::time::Duration;

use futures::StreamExt;
use redis::{Client, RedisResult};
use tokio::task::JoinHandle;

use super::keys::CHANGED;
use crate::commits::Commits;

/// How long to wait before subscribing again.
const RESUBSCRIBE_DELAY: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Changes {
    commits: Commits,
    listener: JoinHandle<()>,
}

impl Changes {
    /// Subscribes to the commits of other processes than this one, on a connection of its own.
    pub(super) fn start(client: Client, own: String) -> Self {
        let commits = Commits::new();
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
        self.commits.count();
    }

    /// Waits until more than `seen` commits are counted.
    pub(super) async fn after(&self, seen: u64) -> u64 {
        self.commits.after(seen).await
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn listen(client: &Client, own: &[u8], commits: &Commits) -> RedisResult<()> {
    let mut subscription = client.get_async_pubsub().await?;
    subscription.subscribe(CHANGED).await?;
    let mut messages = subscription.into_on_message();
    while let Some(message) = messages.next().await {
        if message.get_payload_bytes() != own {
            commits.count();
        }
    }
    Ok(())
}
