//! How fast the queue moves.

use std::time::Duration;

/// Departures after which the older half counts half.
const REMEMBERED: u32 = 64;
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(600);

/// Time during which somebody waited, and how many left the queue in it.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    busy: Duration,
    left: u32,
    last: Option<Duration>,
}

impl Pace {
    /// `left` sequences were admitted now; `waiting` tells whether somebody still waits.
    pub(crate) fn passed(&mut self, now: Duration, left: u32, waiting: bool) {
        if let Some(last) = self.last {
            self.busy += now.saturating_sub(last);
            self.left = self.left.saturating_add(left);
        }
        self.last = waiting.then_some(now);
        while self.left > REMEMBERED {
            self.busy /= 2;
            self.left /= 2;
        }
    }

    /// How long it takes until `waiting` sequences have left the queue, in whole seconds.
    pub(crate) fn to_pass(&self, now: Duration, waiting: usize) -> Duration {
        let busy = self.busy + self.last.map_or(Duration::ZERO, |last| now.saturating_sub(last));
        let seconds = busy.as_secs_f64() / f64::from(self.left.max(1)) * waiting as f64;
        Duration::from_secs(seconds.min(LONGEST.as_secs_f64()).ceil() as u64).clamp(SHORTEST, LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_what_the_queue_takes() {
        let mut pace = Pace::default();
        let mut now = Duration::ZERO;
        for step in 0..1000 {
            now += Duration::from_millis(100);
            pace.passed(now, u32::from(step % 5 == 0), true);
        }
        let told = pace.to_pass(now, 40).as_secs();
        assert!((19..=22).contains(&told), "{told}");
    }

    #[test]
    fn a_pause_in_which_nobody_waited_does_not_count() {
        let mut pace = Pace::default();
        pace.passed(Duration::ZERO, 0, true);
        pace.passed(Duration::from_secs(1), 1, false);
        pace.passed(Duration::from_secs(1000), 1, true);
        assert_eq!(pace.to_pass(Duration::from_secs(1000), 3), Duration::from_secs(3));
    }

    #[test]
    fn a_queue_that_has_not_moved_yet_is_told_by_how_long_it_has_stood() {
        let mut pace = Pace::default();
        pace.passed(Duration::ZERO, 0, true);
        assert_eq!(pace.to_pass(Duration::from_secs(7), 1), Duration::from_secs(7));
        assert_eq!(pace.to_pass(Duration::from_secs(7), 1_000_000), LONGEST);
    }
}
