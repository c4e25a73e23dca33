//! The speed of the queue.

use std::time::Duration;

/// After this many departures, the older half counts half.
const MAX_DEPARTURES: u32 = 64;
const MIN_RETRY_AFTER: Duration = Duration::from_secs(1);
const MAX_RETRY_AFTER: Duration = Duration::from_secs(600);

/// How long the queue was busy, and how many sequences left it in that time.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    busy: Duration,
    left: u32,
    last: Option<Duration>,
}

impl Pace {
    /// Records that `left` sequences were admitted now. `waiting` is whether others still wait.
    pub(crate) fn record(&mut self, now: Duration, left: u32, waiting: bool) {
        if let Some(last) = self.last {
            self.busy += now.saturating_sub(last);
            self.left = self.left.saturating_add(left);
        }
        self.last = waiting.then_some(now);
        while self.left > MAX_DEPARTURES {
            self.busy /= 2;
            self.left /= 2;
        }
    }

    /// Estimates how long `waiting` sequences need to leave the queue, in whole seconds.
    pub(crate) fn time_for(&self, now: Duration, waiting: usize) -> Duration {
        let busy = self.busy + self.last.map_or(Duration::ZERO, |last| now.saturating_sub(last));
        let seconds = busy.as_secs_f64() / f64::from(self.left.max(1)) * waiting as f64;
        Duration::from_secs(seconds.min(MAX_RETRY_AFTER.as_secs_f64()).ceil() as u64)
            .clamp(MIN_RETRY_AFTER, MAX_RETRY_AFTER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_estimate_matches_the_queues_speed() {
        let mut pace = Pace::default();
        let mut now = Duration::ZERO;
        for step in 0..1000 {
            now += Duration::from_millis(100);
            pace.record(now, u32::from(step % 5 == 0), true);
        }
        let estimate = pace.time_for(now, 40).as_secs();
        assert!((19..=22).contains(&estimate), "{estimate}");
    }

    #[test]
    fn a_pause_with_an_empty_queue_does_not_count() {
        let mut pace = Pace::default();
        pace.record(Duration::ZERO, 0, true);
        pace.record(Duration::from_secs(1), 1, false);
        pace.record(Duration::from_secs(1000), 1, true);
        assert_eq!(pace.time_for(Duration::from_secs(1000), 3), Duration::from_secs(3));
    }

    #[test]
    fn a_queue_that_has_not_moved_yet_is_estimated_by_its_age() {
        let mut pace = Pace::default();
        pace.record(Duration::ZERO, 0, true);
        assert_eq!(pace.time_for(Duration::from_secs(7), 1), Duration::from_secs(7));
        assert_eq!(pace.time_for(Duration::from_secs(7), 1_000_000), MAX_RETRY_AFTER);
    }
}
