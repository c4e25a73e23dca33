//! Publishes events without waiting for the connection.

use async_nats::client::Client;
use bytes::Bytes;
use cortex_domain::subject::{Published, Subject};
use tokio::sync::mpsc;

use super::connection::Connection;
use crate::metrics::Dropped;

/// Maximum number of events that wait to be sent.
const MAX_WAITING: usize = 4096;

/// The events that wait to be sent. When there are too many, new ones are dropped.
#[derive(Debug)]
pub(super) struct Outgoing {
    queue: mpsc::Sender<(Subject<Published>, Bytes)>,
    dropped: Dropped,
}

impl Outgoing {
    pub(super) fn start(client: Client, connection: Connection, dropped: Dropped) -> Self {
        let (queue, mut events) = mpsc::channel::<(Subject<Published>, Bytes)>(MAX_WAITING);
        let failed = dropped.disconnected.clone();
        tokio::spawn(async move {
            while let Some((subject, body)) = events.recv().await {
                // An event is useful at once or not at all.
                let sent = connection.check().is_ok()
                    && client.publish(subject.as_str().to_owned(), body).await.is_ok();
                if !sent {
                    failed.inc();
                }
            }
        });
        Self { queue, dropped }
    }

    pub(super) fn publish(&self, subject: Subject<Published>, body: Bytes) {
        if self.queue.try_send((subject, body)).is_err() {
            self.dropped.send_queue_full.inc();
        }
    }
}
