//! How long to wait before sending a job again.

/// Milliseconds until the next attempt after `failed` ones: 1 s doubling to 15 s, a quarter of it either way
/// by chance so that ledgers don't knock together.
pub(super) fn wait_ms(failed: u32, chance: u8) -> u64 {
    const LONGEST: u64 = 15_000;
    let doubled = 1000u64 << failed.saturating_sub(1).min(6);
    let whole = doubled.min(LONGEST);
    let jittered = whole * 3 / 4 + whole / 2 * u64::from(chance) / 255;
    jittered.min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_to_a_quarter_of_a_minute() {
        assert_eq!([1, 2, 3, 5, 7].map(|failed| wait_ms(failed, 0)), [750, 1500, 3000, 11_250, 11_250]);
        assert_eq!([0, 1, 2].map(|failed| wait_ms(failed, 255)), [1250, 1250, 2500]);
        assert_eq!(wait_ms(u32::MAX, 255), 15_000);
    }
}
