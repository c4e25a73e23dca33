//! A worker's messages that its link has not sent yet. Heartbeats go first, and a report goes
//! before the progress of other jobs, so that neither waits behind another job's stream.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cortex_domain::id::JobId;
use cortex_domain::task::Progress;
use cortex_domain::worker::Heartbeat;
use cortex_wire::link::UpFrame;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::origin::{OriginUnreachable, Report};

/// Maximum number of waiting progress frames, and of waiting reports. Further senders wait too.
const MAX_WAITING: usize = 64;

/// Opens a channel from senders to the link. Each end closes once the other is dropped.
pub(super) fn outbox() -> (Sender, Receiver) {
    let shared = Arc::new(Shared {
        waiting: Mutex::default(),
        moved: Notify::new(),
        progress: Arc::new(Semaphore::new(MAX_WAITING)),
        reports: Arc::new(Semaphore::new(MAX_WAITING)),
    });
    (Sender(Arc::new(SenderGuard(Arc::clone(&shared)))), Receiver(shared))
}

#[derive(Debug)]
struct Shared {
    waiting: Mutex<Waiting>,
    moved: Notify,
    progress: Arc<Semaphore>,
    reports: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Waiting {
    /// The latest heartbeat, which replaces earlier ones.
    heartbeat: Option<Heartbeat>,
    reports: VecDeque<(Report, OwnedSemaphorePermit)>,
    progress: VecDeque<(Progress, OwnedSemaphorePermit)>,
    /// No sender or no receiver is left.
    closed: bool,
}

impl Waiting {
    /// Returns the next frame. A report follows the earlier progress of its own job.
    fn next(&mut self) -> Option<UpFrame> {
        if let Some(heartbeat) = self.heartbeat.take() {
            return Some(UpFrame::Heartbeat(heartbeat));
        }
        let Some(job) = self.reports.front().map(|(report, _)| report.outcome.job) else {
            return self.progress.pop_front().map(|(progress, _)| UpFrame::Progress(progress));
        };
        match self.before(job) {
            Some(progress) => Some(UpFrame::Progress(progress)),
            None => self
                .reports
                .pop_front()
                .map(|(Report { outcome, draft }, _)| UpFrame::Report { outcome, draft }),
        }
    }

    fn before(&mut self, job: JobId) -> Option<Progress> {
        let at = self.progress.iter().position(|(progress, _)| progress.job == job)?;
        self.progress.remove(at).map(|(progress, _)| progress)
    }
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        self.waiting().closed = true;
        self.progress.close();
        self.reports.close();
        self.moved.notify_one();
    }

    fn say(&self, add: impl FnOnce(&mut Waiting)) -> Result<(), OriginUnreachable> {
        let mut waiting = self.waiting();
        if waiting.closed {
            return Err(OriginUnreachable);
        }
        add(&mut waiting);
        drop(waiting);
        self.moved.notify_one();
        Ok(())
    }
}

/// A sender. Clones share the channel. Once all are dropped, the link ends after the waiting
/// frames.
#[derive(Clone, Debug)]
pub(super) struct Sender(Arc<SenderGuard>);

#[derive(Debug)]
struct SenderGuard(Arc<Shared>);

impl Drop for SenderGuard {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Sender {
    /// Sends a heartbeat, which replaces a waiting one.
    ///
    /// # Errors
    /// Returns an error if the link is lost.
    pub(super) fn heartbeat(&self, heartbeat: Heartbeat) -> Result<(), OriginUnreachable> {
        self.0.0.say(|waiting| waiting.heartbeat = Some(heartbeat))
    }

    /// Waits for room and sends progress.
    ///
    /// # Errors
    /// Returns an error if the link is lost.
    pub(super) async fn progress(&self, progress: Progress) -> Result<(), OriginUnreachable> {
        let room = Arc::clone(&self.0.0.progress).acquire_owned().await.map_err(|_| OriginUnreachable)?;
        self.0.0.say(|waiting| waiting.progress.push_back((progress, room)))
    }

    /// Waits for room and sends a report.
    ///
    /// # Errors
    /// Returns an error if the link is lost.
    pub(super) async fn report(&self, report: Report) -> Result<(), OriginUnreachable> {
        let room = Arc::clone(&self.0.0.reports).acquire_owned().await.map_err(|_| OriginUnreachable)?;
        self.0.0.say(|waiting| waiting.reports.push_back((report, room)))
    }
}

/// The link's end of the channel.
#[derive(Debug)]
pub(super) struct Receiver(Arc<Shared>);

impl Receiver {
    /// Returns the next frame, or `None` once all frames are sent and no sender is left.
    pub(super) async fn next(&mut self) -> Option<UpFrame> {
        loop {
            {
                let mut waiting = self.0.waiting();
                match waiting.next() {
                    Some(up) => return Some(up),
                    None if waiting.closed => return None,
                    None => {}
                }
            }
            self.0.moved.notified().await;
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.0.close();
        *self.0.waiting() = Waiting { closed: true, ..Waiting::default() };
    }
}

#[cfg(test)]
mod tests;
