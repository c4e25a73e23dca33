//! How long to wait before another attempt to reach the origin.

use std::time::Duration;

use cortex_domain::backoff::Backoff;

/// The longest time between two attempts.
pub const MAX_BACKOFF: Duration = Duration::from_secs(15);

const BACKOFF: Backoff = Backoff { first: Duration::from_secs(1), longest: MAX_BACKOFF };

/// Returns the wait after `failed` attempts. It doubles from 1 s to 15 s. `random` spreads it, so
/// that the ledgers do not reach a returning origin at the same time.
#[must_use]
pub fn backoff(failed: u32, random: u8) -> Duration {
    BACKOFF.wait(failed.max(1), f64::from(random) / f64::from(u8::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_to_a_quarter_of_a_minute() {
        let millis = |failed, random| backoff(failed, random).as_millis();
        assert_eq!([1, 2, 3, 5, 7].map(|failed| millis(failed, 0)), [500, 1000, 2000, 7500, 7500]);
        assert_eq!([0, 1, 2].map(|failed| millis(failed, 255)), [1000, 1000, 2000]);
        assert_eq!(millis(u32::MAX, 255), 15_000);
    }
}
