//! The admission of a connection's worker, and the time at which the connection ends.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::task::AtomicWaker;
use tokio::time::{Instant, Sleep, sleep_until};

/// How long a peer may take, from the start of its connection, to be admitted by its token.
pub(crate) const ADMISSION_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a connection stays open after its link has ended, so that the last frames arrive.
pub(crate) const CLOSE_DELAY: Duration = Duration::from_secs(1);

/// The state of a connection's worker.
#[derive(Debug)]
pub(crate) struct Admission {
    state: Mutex<State>,
    /// The waker of the connection, which may be waiting for its peer.
    changed: AtomicWaker,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// The peer is not admitted yet, and is disconnected at this time.
    Waiting {
        deadline: Instant,
    },
    Admitted,
    /// The connection ends at this time at the latest.
    Ending {
        at: Instant,
        admitted: bool,
    },
}

impl State {
    /// Returns when the connection ends by itself.
    fn end(self) -> Option<Instant> {
        match self {
            Self::Waiting { deadline: at } | Self::Ending { at, .. } => Some(at),
            Self::Admitted => None,
        }
    }

    /// Returns whether the worker was admitted, even if it has left since.
    fn admitted(self) -> bool {
        matches!(self, Self::Admitted | Self::Ending { admitted: true, .. })
    }
}

impl Admission {
    /// Returns the state of a new connection.
    pub(crate) fn new() -> Arc<Self> {
        let deadline = Instant::now() + ADMISSION_TIMEOUT;
        Arc::new(Self { state: Mutex::new(State::Waiting { deadline }), changed: AtomicWaker::new() })
    }

    /// Admits the worker. Returns false if the connection is already ending.
    pub(crate) fn admit(&self) -> bool {
        let mut state = self.state();
        match *state {
            State::Waiting { .. } => *state = State::Admitted,
            State::Admitted => {}
            State::Ending { .. } => return false,
        }
        drop(state);
        self.changed.wake();
        true
    }

    /// Ends the connection after the time that its last frames need.
    pub(crate) fn close(&self) {
        self.end_at(Instant::now() + CLOSE_DELAY);
    }

    /// Ends the connection at once.
    pub(crate) fn cut(&self) {
        self.end_at(Instant::now());
    }

    /// Returns whether the connection counts against the limit of unadmitted connections: it is not
    /// admitted, and was not cut.
    pub(crate) fn is_unadmitted(&self) -> bool {
        match *self.state() {
            State::Waiting { .. } => true,
            State::Admitted => false,
            State::Ending { at, admitted } => !admitted && at > Instant::now(),
        }
    }

    pub(crate) fn was_admitted(&self) -> bool {
        self.state().admitted()
    }

    pub(crate) fn is_ending(&self) -> bool {
        matches!(*self.state(), State::Ending { .. })
    }

    /// Sets the end, unless an earlier one is set.
    fn end_at(&self, at: Instant) {
        let mut state = self.state();
        let at = state.end().map_or(at, |before| before.min(at));
        *state = State::Ending { at, admitted: state.admitted() };
        drop(state);
        self.changed.wake();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The end of a connection, for the single task that drives it.
#[derive(Debug)]
pub(crate) struct ConnectionEnd {
    admission: Arc<Admission>,
    timer: Pin<Box<Sleep>>,
}

impl ConnectionEnd {
    pub(crate) fn of(admission: Arc<Admission>) -> Self {
        Self { admission, timer: Box::pin(sleep_until(Instant::now())) }
    }

    pub(crate) fn admission(&self) -> &Arc<Admission> {
        &self.admission
    }

    /// Waits until the connection is over, and returns the reason. Until then the task is woken
    /// whenever the end changes.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        self.admission.changed.register(cx.waker());
        let state = *self.admission.state();
        let Some(at) = state.end() else { return Poll::Pending };
        if self.timer.deadline() != at {
            self.timer.as_mut().reset(at);
        }
        let over = match state {
            State::Waiting { .. } => io::ErrorKind::TimedOut,
            State::Admitted | State::Ending { .. } => io::ErrorKind::ConnectionAborted,
        };
        self.timer.as_mut().poll(cx).map(|()| over.into())
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::time::{advance, timeout};

    use super::*;

    async fn over(end: &mut ConnectionEnd) -> (io::ErrorKind, Duration) {
        let began = Instant::now();
        let error = poll_fn(|cx| end.poll(cx)).await;
        (error.kind(), began.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_is_not_admitted_ends_after_its_time() {
        let mut end = ConnectionEnd::of(Admission::new());
        assert_eq!(over(&mut end).await, (io::ErrorKind::TimedOut, ADMISSION_TIMEOUT));
    }

    #[tokio::test(start_paused = true)]
    async fn an_admitted_one_goes_on_until_it_is_closed() {
        let admission = Admission::new();
        let mut end = ConnectionEnd::of(Arc::clone(&admission));
        assert!(admission.is_unadmitted() && admission.admit() && !admission.is_unadmitted());
        assert!(timeout(10 * ADMISSION_TIMEOUT, over(&mut end)).await.is_err());
        admission.close();
        assert!(admission.is_ending() && admission.was_admitted() && !admission.admit());
        assert_eq!(over(&mut end).await, (io::ErrorKind::ConnectionAborted, CLOSE_DELAY));
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_waits_for_the_end_wakes_at_once() {
        let admission = Admission::new();
        let mut end = ConnectionEnd::of(Arc::clone(&admission));
        admission.admit();
        let waiting = tokio::spawn(async move { over(&mut end).await });
        tokio::task::yield_now().await;
        admission.cut();
        assert_eq!(waiting.await.unwrap(), (io::ErrorKind::ConnectionAborted, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn a_closing_unadmitted_peer_counts_until_it_is_cut() {
        let admission = Admission::new();
        admission.close();
        assert!(admission.is_unadmitted() && admission.is_ending() && !admission.was_admitted());
        admission.cut();
        assert!(!admission.is_unadmitted());
    }

    #[tokio::test(start_paused = true)]
    async fn the_earliest_end_counts() {
        let admission = Admission::new();
        let mut end = ConnectionEnd::of(Arc::clone(&admission));
        advance(ADMISSION_TIMEOUT - CLOSE_DELAY / 2).await;
        admission.close();
        admission.close();
        assert_eq!(over(&mut end).await.1, CLOSE_DELAY / 2);
    }
}
