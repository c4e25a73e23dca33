//! What a run says before it ends.

use std::sync::Arc;

use bytes::Bytes;
use cortex_domain::id::WorkerId;
use cortex_domain::task::{Progress, ProgressKind};
use cortex_domain::worker::HeldLease;
use cortex_link::origin::Origin;
use tokio::sync::Mutex;

/// Takes pieces of a run's answer as they come.
#[derive(Clone, Debug)]
pub struct Frames(Arc<ProgressSender>);

impl Frames {
    /// Sends a piece, in frames of the longest size that is allowed; waits while too many are under way. With the
    /// origin away it is lost: only the answer itself is sure to arrive.
    pub async fn send(&self, mut piece: Bytes) {
        while !piece.is_empty() {
            let frame = piece.split_to(piece.len().min(Progress::MAX_FRAME));
            self.0.send_all(Some(frame)).await;
        }
    }
}

/// What is said under one lease, in order.
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

    /// Says that the run has begun, if that was not said.
    pub(crate) async fn announce_start(&self) {
        self.send_all(None).await;
    }

    pub(crate) fn has_started(&self) -> bool {
        // Whoever holds the lock is saying something.
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
