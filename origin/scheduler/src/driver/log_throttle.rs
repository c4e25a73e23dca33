//! Limits a message of the log to one line per interval, which says how often it was due. What
//! happens to one job may happen to a hundred thousand at once.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cortex_domain::time::Uptime;

/// The shortest time between two lines.
const INTERVAL: Duration = Duration::from_secs(10);

/// Counts a message that may be due often.
#[derive(Debug, Default)]
pub(super) struct LogThrottle(Mutex<Occurrences>);

#[derive(Debug, Default)]
struct Occurrences {
    last_line: Option<Uptime>,
    since_then: u64,
}

impl LogThrottle {
    /// Counts the message. Returns how often it was due since its last line, if a new line is due.
    pub(super) fn count(&self, now: Uptime) -> Option<u64> {
        let occurrences = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        occurrences.since_then += 1;
        occurrences.take(now)
    }

    /// Returns how often the message was due since its last line, if that is not in the log yet and
    /// a new line is due.
    pub(super) fn rest(&self, now: Uptime) -> Option<u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take(now)
    }
}

impl Occurrences {
    fn take(&mut self, now: Uptime) -> Option<u64> {
        let is_soon = self.last_line.is_some_and(|last| now.since(last) < INTERVAL);
        if is_soon || self.since_then == 0 {
            return None;
        }
        self.last_line = Some(now);
        Some(std::mem::take(&mut self.since_then))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Uptime {
        Uptime::from_millis(seconds * 1000)
    }

    #[test]
    fn many_occurrences_are_one_line_per_interval_and_all_are_counted() {
        let throttle = LogThrottle::default();
        assert_eq!(throttle.rest(at(1)), None);
        assert_eq!(throttle.count(at(1)), Some(1));
        let lines = (0..100_000).filter_map(|_| throttle.count(at(2)));
        assert_eq!(lines.count(), 0);
        assert_eq!(throttle.rest(at(10)), None);
        assert_eq!(throttle.rest(at(11)), Some(100_000));
        assert_eq!(throttle.rest(at(60)), None, "everything is in the log");
        assert_eq!(throttle.count(at(60)), Some(1));
    }
}
