//! A limit for log lines that other processes cause, with a count of the skipped ones.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Lets one log line pass in each interval.
#[derive(Debug)]
pub struct LogLimit {
    interval: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    passed: Option<Instant>,
    left_out: u64,
}

impl LogLimit {
    /// Creates a limit that skips further lines for `interval` after one.
    #[must_use]
    pub const fn new(interval: Duration) -> Self {
        Self { interval, state: Mutex::new(State { passed: None, left_out: 0 }) }
    }

    /// Returns the number of lines skipped since the last one, if a line may be logged now.
    pub fn pass(&self, now: Instant) -> Option<u64> {
        let mut state = self.state();
        if state.passed.is_some_and(|passed| now.saturating_duration_since(passed) < self.interval) {
            state.left_out += 1;
            return None;
        }
        state.passed = Some(now);
        Some(std::mem::take(&mut state.left_out))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_passes_per_interval_and_the_others_are_counted() {
        const INTERVAL: Duration = Duration::from_secs(1);
        let (limit, began) = (LogLimit::new(INTERVAL), Instant::now());
        assert_eq!(limit.pass(began), Some(0));
        assert_eq!([1, 500, 999].map(|ms| limit.pass(began + Duration::from_millis(ms))), [None; 3]);
        assert_eq!(limit.pass(began + INTERVAL), Some(3));
        assert_eq!(limit.pass(began + 2 * INTERVAL), Some(0));
    }
}
