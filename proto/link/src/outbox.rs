//! What a worker has said and its link has not taken yet. A heartbeat goes before all else and a report before the
//! progress of other jobs, so that neither waits behind somebody's stream.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cortex_domain::id::JobId;
use cortex_domain::task::Progress;
use cortex_domain::worker::Heartbeat;
use cortex_wire::link::UpFrame;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::origin::{OriginUnreachable, Report};

/// Frames of progress, and reports, that wait; whoever says more waits too.
const WAITING: usize = 64;

/// Opens a way from those who speak to the link. It ends for either once the other is dropped.
pub(super) fn outbox() -> (Sender, Receiver) {
    let shared = Arc::new(Shared {
        waiting: Mutex::default(),
        moved: Notify::new(),
        progress: Arc::new(Semaphore::new(WAITING)),
        reports: Arc::new(Semaphore::new(WAITING)),
    });
    (Sender(Arc::new(Open(Arc::clone(&shared)))), Receiver(shared))
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
    /// The newest one; it supersedes those before it.
    heartbeat: Option<Heartbeat>,
    reports: VecDeque<(Report, OwnedSemaphorePermit)>,
    progress: VecDeque<(Progress, OwnedSemaphorePermit)>,
    /// Nobody will say more, or nobody will listen.
    closed: bool,
}

impl Waiting {
    /// What is to be sent next. A report comes after the progress of its own job that was said before it.
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

/// One who speaks. A clone is the same; once all are dropped, the link ends when it has sent what waits.
#[derive(Clone, Debug)]
pub(super) struct Sender(Arc<Open>);

#[derive(Debug)]
struct Open(Arc<Shared>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Sender {
    /// Sends a heartbeat, in place of one that still waits.
    ///
    /// # Errors
    /// Returns an error if the link is lost.
    pub(super) fn heartbeat(&self, heartbeat: Heartbeat) -> Result<(), OriginUnreachable> {
        self.0.0.say(|waiting| waiting.heartbeat = Some(heartbeat))
    }

    /// Sends progress, once there is room for it.
    ///
    /// # Errors
    /// Returns an error if the link is lost.
    pub(super) async fn progress(&self, progress: Progress) -> Result<(), OriginUnreachable> {
        let room = Arc::clone(&self.0.0.progress).acquire_owned().await.map_err(|_| OriginUnreachable)?;
        self.0.0.say(|waiting| waiting.progress.push_back((progress, room)))
    }

    /// Sends a report, once there is room for it.
    ///
    /// # Errors
    /// Returns an error if the link is lost.
    pub(super) async fn report(&self, report: Report) -> Result<(), OriginUnreachable> {
        let room = Arc::clone(&self.0.0.reports).acquire_owned().await.map_err(|_| OriginUnreachable)?;
        self.0.0.say(|waiting| waiting.reports.push_back((report, room)))
    }
}

/// The link's end.
#[derive(Debug)]
pub(super) struct Receiver(Arc<Shared>);

impl Receiver {
    /// What is to be sent next; `None` once all was sent and nobody will say more.
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
