//! Progress of a run: that it started, and parts of its answer.

use std::sync::Arc;

use bytes::Bytes;
use cortex_domain::id::WorkerId;
use cortex_domain::task::{Progress, ProgressKind};
use cortex_domain::worker::HeldLease;
use cortex_link::origin::Origin;
use tokio::sync::Mutex;

/// Sends parts of a run's answer while the engine writes it.
#[derive(Clone, Debug)]
pub struct Frames(Arc<ProgressSender>);

impl Frames {
    /// Sends a part, split into frames of at most the maximum size. Waits while too many are under
    /// way. The frames are lost while the origin is unreachable, so only the final answer is sure
    /// to arrive.
    pub async fn send(&self, mut piece: Bytes) {
        while !piece.is_empty() {
            let frame = piece.split_to(piece.len().min(Progress::MAX_FRAME));
            self.0.send_all(Some(frame)).await;
        }
    }
}

/// Sends the progress of one lease, in order.
pub(crate) struct ProgressSender {
    origin: Arc<dyn Origin>,
    worker: WorkerId,
    held: HeldLease,
    sent: Mutex<u64>,
}

impl ProgressSender {
    pub(crate) fn new(held: HeldLease, worker: WorkerId, origin: Arc<dyn Origin>) -> Arc<Self> {
        Arc::new(Self { origin, worker, held, sent: Mutex::default() })
    }

    pub(crate) fn frames(self: &Arc<Self>) -> Frames {
        Frames(Arc::clone(self))
    }

    /// Announces that the run has started, unless that was already sent.
    pub(crate) async fn announce_start(&self) {
        self.send_all(None).await;
    }

    pub(crate) fn has_started(&self) -> bool {
        // A task that holds the lock is sending something.
        self.sent.try_lock().map_or(true, |sent| *sent > 0)
    }

    async fn send_all(&self, frame: Option<Bytes>) {
        let mut sent = self.sent.lock().await;
        if *sent == 0 {
            self.send_next(&mut sent, ProgressKind::Started).await;
        }
        if let Some(frame) = frame {
            self.send_next(&mut sent, ProgressKind::Frame(frame)).await;
        }
    }

    async fn send_next(&self, sent: &mut u64, what: ProgressKind) {
        let (HeldLease { job, lease }, worker) = (self.held, self.worker.clone());
        let progress = Progress { job, lease, worker, seq: *sent, what };
        *sent += 1;
        if self.origin.progress(progress).await.is_err() {
            tracing::debug!(%job, "progress was lost");
        }
    }
}

impl std::fmt::Debug for ProgressSender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProgressSender").field("held", &self.held).finish_non_exhaustive()
    }
}
