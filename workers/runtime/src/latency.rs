//! A histogram of how long runs took.

use std::time::Duration;

/// The longest run with a bucket of its own takes less than 2^16 ms, about a minute.
const BUCKETS: usize = 18;

/// Counts of runs that took less than 1, 2, 4, ... ms. The last bucket counts longer runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Latency([u64; BUCKETS]);

impl Latency {
    pub(crate) fn count(&mut self, run: Duration) {
        let millis = u64::try_from(run.as_millis()).unwrap_or(u64::MAX);
        let bucket = (u64::BITS - millis.leading_zeros()) as usize;
        self.0[bucket.min(BUCKETS - 1)] += 1;
    }

    pub(crate) fn counts(&self) -> Vec<u64> {
        self.0.to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_counted_under_the_next_power_of_two() {
        let mut latency = Latency::default();
        for micros in [0, 999, 1_000, 1_999, 2_000, 3_999, 4_000, 65_535_999, 65_536_000, u64::MAX] {
            latency.count(Duration::from_micros(micros));
        }
        let counts = latency.counts();
        assert_eq!(counts[..4], [2, 2, 2, 1]);
        assert_eq!(counts[16..], [1, 2]);
    }
}
