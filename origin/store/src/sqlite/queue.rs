//! Requests on their way to the writer. One that somebody waits for is taken at once, with all before it; those
//! that nobody waits for gather for a moment, so that they share a flush.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Requests that may wait.
const MAX_QUEUED: usize = 4096;
/// How long a request that nobody waits for may wait for others.
const GATHER_TIME: Duration = Duration::from_millis(20);

/// Whether somebody waits for the flush.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum WriteMode {
    Awaited,
    Background,
}

#[derive(Debug)]
pub(super) enum PushError {
    Full,
    Closed,
}

pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
    wake: Condvar,
}

struct State<T> {
    waiting: VecDeque<T>,
    /// Of what waits, somebody waits for one.
    awaited: bool,
    /// What was taken last is not written yet.
    writing: bool,
    closed: bool,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        let state = State { waiting: VecDeque::new(), awaited: false, writing: false, closed: false };
        Self { state: Mutex::new(state), wake: Condvar::new() }
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").finish_non_exhaustive()
    }
}

impl<T> Queue<T> {
    /// Puts a request behind the others.
    pub(super) fn push(&self, request: T, mode: WriteMode) -> Result<(), PushError> {
        let mut state = self.state();
        if state.closed {
            return Err(PushError::Closed);
        }
        if state.waiting.len() >= MAX_QUEUED {
            return Err(PushError::Full);
        }
        state.waiting.push_back(request);
        let hastens = mode == WriteMode::Awaited && !state.awaited;
        state.awaited |= hastens;
        // The writer sleeps until something waits, and then for the lag at most.
        if hastens || state.waiting.len() == 1 || state.waiting.len() == MAX_QUEUED / 2 {
            self.wake.notify_one();
        }
        Ok(())
    }

    /// Whether something pushed is not written yet.
    pub(super) fn has_pending_writes(&self) -> bool {
        let state = self.state();
        state.writing || !state.waiting.is_empty()
    }

    /// Takes the first requests, as long as `fits` says so after each; blocks until there are any. `None` once it is
    /// closed and empty. What was taken before counts as written.
    pub(super) fn take(&self, mut fits: impl FnMut(&T) -> bool) -> Option<Vec<T>> {
        let mut state = self.state();
        state.writing = false;
        while state.waiting.is_empty() {
            if state.closed {
                return None;
            }
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let until = Instant::now() + GATHER_TIME;
        while !state.awaited && !state.closed && state.waiting.len() < MAX_QUEUED / 2 {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            (state, _) = self.wake.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
        }
        let mut taken = Vec::new();
        while let Some(request) = state.waiting.pop_front() {
            let more = fits(&request);
            taken.push(request);
            if !more {
                break;
            }
        }
        // What is left after a full group is not made to wait again.
        state.awaited = !state.waiting.is_empty();
        state.writing = true;
        Some(taken)
    }

    /// Takes no more in.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.wake.notify_one();
    }

    /// Drops what waits: nobody will write it.
    pub(super) fn abandon(&self) {
        let mut state = self.state();
        state.closed = true;
        state.waiting.clear();
        state.writing = false;
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn what_nobody_waits_for_is_taken_with_what_somebody_waits_for() {
        let queue = Arc::new(Queue::default());
        let taker = std::thread::spawn({
            let queue = queue.clone();
            move || std::iter::from_fn(|| queue.take(|_| true)).collect::<Vec<Vec<u8>>>()
        });
        queue.push(1, WriteMode::Background).unwrap();
        queue.push(2, WriteMode::Background).unwrap();
        queue.push(3, WriteMode::Awaited).unwrap();
        queue.close();
        let groups = taker.join().unwrap();
        assert_eq!(groups.concat(), [1, 2, 3]);
        assert_eq!(groups.last().unwrap().last(), Some(&3));
    }

    #[test]
    fn what_nobody_waits_for_is_taken_all_the_same() {
        let queue = Queue::default();
        queue.push(1, WriteMode::Background).unwrap();
        assert!(queue.has_pending_writes());
        assert_eq!(queue.take(|_| true), Some(vec![1]));
        assert!(queue.has_pending_writes(), "what was taken is not written yet");
        queue.close();
        assert_eq!(queue.take(|_| true), None);
        assert!(!queue.has_pending_writes());
    }

    #[test]
    fn a_group_ends_where_it_is_full_and_the_rest_comes_next() {
        let queue = Queue::default();
        for n in 0..5 {
            queue.push(n, WriteMode::Awaited).unwrap();
        }
        assert_eq!(queue.take(|n| *n < 2), Some(vec![0, 1, 2]));
        assert_eq!(queue.take(|_| true), Some(vec![3, 4]));
    }

    #[test]
    fn it_is_bounded_and_takes_nothing_once_it_is_closed() {
        let queue = Queue::default();
        for n in 0..MAX_QUEUED {
            queue.push(n, WriteMode::Background).unwrap();
        }
        assert!(matches!(queue.push(0, WriteMode::Awaited), Err(PushError::Full)));
        queue.abandon();
        assert!(matches!(queue.push(0, WriteMode::Awaited), Err(PushError::Closed)));
        assert!(!queue.has_pending_writes());
    }
}
