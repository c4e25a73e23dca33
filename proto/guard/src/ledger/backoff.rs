//! How long to wait before the origin is tried again.

use std::time::Duration;

const FIRST_BACKOFF: Duration = Duration::from_secs(1);
/// The longest time between two attempts.
pub const LONGEST_BACKOFF: Duration = Duration::from_secs(15);

/// Returns how long to wait after `failed` attempts: 1 s doubling to 15 s. `random` spreads it by a quarter either way, so
/// that ledgers do not reach a returning origin all at once.
#[must_use]
pub fn backoff(failed: u32, random: u8) -> Duration {
    let doublings = failed.saturating_sub(1).min(6);
    let full = FIRST_BACKOFF.saturating_mul(1 << doublings).min(LONGEST_BACKOFF);
    let spread = full / 2 * u32::from(random) / u32::from(u8::MAX);
    (full * 3 / 4 + spread).min(LONGEST_BACKOFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_to_a_quarter_of_a_minute() {
        let millis = |failed, random| backoff(failed, random).as_millis();
        assert_eq!([1, 2, 3, 5, 7].map(|failed| millis(failed, 0)), [750, 1500, 3000, 11_250, 11_250]);
        assert_eq!([0, 1, 2].map(|failed| millis(failed, 255)), [1250, 1250, 2500]);
        assert_eq!(millis(u32::MAX, 255), 15_000);
    }
}
