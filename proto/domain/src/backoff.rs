//! How long to wait before another attempt. Every retry uses this rule.

use std::time::Duration;

/// Exponential backoff with jitter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Backoff {
    /// The wait after the first failure, before jitter.
    pub first: Duration,
    /// The longest wait.
    pub longest: Duration,
}

impl Backoff {
    /// Returns the wait after a number of failures in a row, and zero after no failure. The wait
    /// doubles from `first` to `longest`. `spread`, a number from 0 to 1, places it in the upper
    /// half of that time, so that clients that failed together do not retry together.
    #[must_use]
    pub fn wait(self, failures: u32, spread: f64) -> Duration {
        let Some(doublings) = failures.checked_sub(1) else { return Duration::ZERO };
        let full = self.first.saturating_mul(1 << doublings.min(30)).min(self.longest);
        let half = full / 2;
        // NaN and negative numbers count as 0.
        half + half.mul_f64(if spread > 0.0 { spread.min(1.0) } else { 0.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff { first: Duration::from_millis(200), longest: Duration::from_secs(10) };

    #[test]
    fn the_wait_doubles_to_its_bound() {
        let full = |failures| BACKOFF.wait(failures, 1.0).as_millis();
        assert_eq!(
            [0, 1, 2, 3, 6, 7, 99, u32::MAX].map(full),
            [0, 200, 400, 800, 6400, 10_000, 10_000, 10_000]
        );
    }

    #[test]
    fn the_spread_takes_away_half_at_most() {
        let second = |spread| BACKOFF.wait(2, spread).as_millis();
        assert_eq!([0.0, 0.5, 1.0, -1.0, 7.0].map(second), [200, 300, 400, 200, 400]);
        assert_eq!(BACKOFF.wait(2, f64::NAN), Duration::from_millis(200));
    }
}
