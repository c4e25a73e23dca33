//! Wakes callers that wait for changes: at once for commits of this process, and by a notification
//! for those of others. Notifications are only hints. One that is lost delays a caller until it
//! polls. A pooler that gives each transaction another session can't carry them.

use std::future::poll_fn;
use std::time::Duration;

use deadpool_postgres::Pool;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_postgres::types::Type;
use tokio_postgres::{AsyncMessage, Connection};

use super::address::Address;
use super::fault::Fault;
use crate::commits::Commits;

/// How long to wait before listening again.
const LISTEN_DELAY: Duration = Duration::from_secs(2);
/// The shortest time between two notifications. A notification takes a lock of the whole server
/// when it commits, so many commits share one.
const NOTIFY_INTERVAL: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(super) struct Changes {
    commits: Commits,
    /// Wakes the notifier after a commit of this process.
    own: watch::Sender<()>,
    tasks: [JoinHandle<()>; 2],
}

impl Changes {
    /// Listens for commits of other processes than this one, on a connection of its own.
    pub(super) fn start(address: Address, pool: Pool, process: String) -> Self {
        let (commits, own) = (Commits::new(), watch::Sender::new(()));
        let listener = tokio::spawn(listen(address, process.clone(), commits.clone()));
        let notifier = tokio::spawn(notify(pool, process, own.subscribe()));
        Self { commits, own, tasks: [listener, notifier] }
    }

    /// Counts a commit of this process.
    pub(super) fn count(&self) {
        self.commits.count();
        self.own.send_replace(());
    }

    /// Waits until more than `seen` commits are counted.
    pub(super) async fn after(&self, seen: u64) -> u64 {
        self.commits.after(seen).await
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn listen(address: Address, own: String, commits: Commits) {
    loop {
        let (own, counted) = (own.clone(), commits.clone());
        let on_notification = move |sender: &str| {
            if sender != own {
                counted.count();
            }
        };
        match address.listen(on_notification).await {
            Ok((client, mut connection)) => {
                if let Err(error) = client.batch_execute("LISTEN cortex").await {
                    tracing::debug!(%error, "the server does not tell of commits of other processes");
                }
                let _ = (&mut connection).await;
            }
            Err(error) => tracing::debug!(%error, "can't listen for commits of other processes"),
        }
        sleep(LISTEN_DELAY).await;
        // Commits in the meantime sent no notification.
        commits.count();
    }
}

/// Drives a connection, and gives the content of each notification to `on_notification`.
pub(super) async fn forward<S, T>(mut connection: Connection<S, T>, on_notification: impl Fn(&str))
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
        if let AsyncMessage::Notification(notification) = message {
            on_notification(notification.payload());
        }
    }
}

async fn notify(pool: Pool, own: String, mut commits: watch::Receiver<()>) {
    while commits.changed().await.is_ok() {
        if let Err(fault) = send(&pool, &own).await {
            tracing::debug!(%fault, "other processes were not notified of a commit");
        }
        sleep(NOTIFY_INTERVAL).await;
    }
}

/// Notifies the other processes. A hint need not be flushed.
async fn send(pool: &Pool, own: &str) -> Result<(), Fault> {
    let sql = "SELECT set_config('synchronous_commit', 'off', true), pg_notify('cortex', $1)::text";
    pool.get().await?.query_typed(sql, &[(&own, Type::TEXT)]).await?;
    Ok(())
}
