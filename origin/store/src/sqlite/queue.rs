//! Requests on their way to the writer. If a caller waits for a request, the writer takes it at
//! once, with all requests before it. Otherwise requests gather for a moment, so that they share a
//! flush.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Maximum number of waiting requests.
const MAX_QUEUED: usize = 4096;
/// How long a request without a waiting caller may wait for others.
const GROUP_DELAY: Duration = Duration::from_millis(20);

/// Whether a caller waits for the flush.
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
    /// Whether a caller waits for one of the waiting requests.
    awaited: bool,
    /// Whether the requests that were taken last are still being written.
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
        let wakes = mode == WriteMode::Awaited && !state.awaited;
        state.awaited |= wakes;
        // The writer sleeps until a request waits, and then for `GROUP_DELAY` at most.
        if wakes || state.waiting.len() == 1 || state.waiting.len() == MAX_QUEUED / 2 {
            self.wake.notify_one();
        }
        Ok(())
    }

    /// Returns whether a pushed request is not written yet.
    pub(super) fn has_pending_writes(&self) -> bool {
        let state = self.state();
        state.writing || !state.waiting.is_empty()
    }

    /// Takes requests in order, until `fits` returns false. Blocks until there is a request.
    /// Returns `None` once the queue is closed and empty. Requests that were taken before count as
    /// written.
    pub(super) fn take(&self, mut fits: impl FnMut(&T) -> bool) -> Option<Vec<T>> {
        let mut state = self.state();
        state.writing = false;
        while state.waiting.is_empty() {
            if state.closed {
                return None;
            }
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let until = Instant::now() + GROUP_DELAY;
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
        // The rest after a full group does not have to wait again.
        state.awaited = !state.waiting.is_empty();
        state.writing = true;
        Some(taken)
    }

    /// Stops accepting requests.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.wake.notify_one();
    }

    /// Drops the waiting requests, because no writer is left.
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
    fn background_writes_are_taken_with_awaited_ones() {
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
    fn background_writes_are_taken_without_awaited_ones() {
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
    fn the_queue_is_bounded_and_accepts_nothing_after_it_is_closed() {
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
