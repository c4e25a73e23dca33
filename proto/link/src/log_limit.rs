//! Lines of the log that strangers cause: few of them, with a count of those that are left out.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long the lines after one are left out.
const LOG_INTERVAL: Duration = Duration::from_secs(1);

/// Lets a line pass now and then.
#[derive(Debug, Default)]
pub(crate) struct LogLimit(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    passed: Option<Instant>,
    left_out: u64,
}

impl LogLimit {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(State { passed: None, left_out: 0 }))
    }

    /// Returns, if a line may be written now, how many were left out since the last one.
    pub(crate) fn pass(&self, now: Instant) -> Option<u64> {
        let mut state = self.state();
        if state.passed.is_some_and(|passed| now.saturating_duration_since(passed) < LOG_INTERVAL) {
            state.left_out += 1;
            return None;
        }
        state.passed = Some(now);
        Some(std::mem::take(&mut state.left_out))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_passes_in_so_long_and_the_others_are_counted() {
        let (limit, began) = (LogLimit::new(), Instant::now());
        assert_eq!(limit.pass(began), Some(0));
        assert_eq!([1, 500, 999].map(|ms| limit.pass(began + Duration::from_millis(ms))), [None; 3]);
        assert_eq!(limit.pass(began + LOG_INTERVAL), Some(3));
        assert_eq!(limit.pass(began + 2 * LOG_INTERVAL), Some(0));
    }
}
