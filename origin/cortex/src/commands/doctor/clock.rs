//! The wall clock: a signature is valid for five minutes around it.

use cortex_domain::time::Timestamp;
use cortex_platform::clock::Clock;

use super::check::Check;

/// 2026-11-01, before the first release.
const EARLIEST: Timestamp = Timestamp::from_millis(1_793_491_200_000);
/// 2100-01-01.
const LATEST: Timestamp = Timestamp::from_millis(4_102_444_800_000);

pub(super) fn check() -> Check {
    judge(Clock::system().now())
}

fn judge(now: Timestamp) -> Check {
    if (EARLIEST..LATEST).contains(&now) {
        Check::ok("clock", now.to_string())
    } else {
        let hint = "set the clock: the edge refuses a request whose signature is more than five minutes old or early";
        Check::fail("clock", format!("the clock is wrong: {now}"), hint)
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::Outcome;
    use super::*;

    #[test]
    fn a_clock_far_from_the_present_fails() {
        assert_eq!(EARLIEST.to_string(), "2026-11-01T00:00:00.000Z");
        assert_eq!(LATEST.to_string(), "2100-01-01T00:00:00.000Z");
        assert_eq!(judge(Timestamp::from_millis(0)).outcome, Outcome::Fail);
        assert_eq!(judge(EARLIEST).outcome, Outcome::Ok);
        assert_eq!(judge(LATEST).outcome, Outcome::Fail);
    }
}
