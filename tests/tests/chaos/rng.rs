//! The random choices of a run.

use std::time::{Duration, SystemTime};

/// A xorshift generator (Marsaglia 2003), seeded by `CORTEX_CHAOS_SEED` or the clock.
pub(crate) struct Rng(u64);

impl Rng {
    /// Returns a generator and the number of cycles to run, which is `CORTEX_CHAOS_CYCLES` or
    /// `cycles`. Prints both.
    pub(crate) fn of(cycles: u64) -> (Self, u64) {
        let read = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let seed = read("CORTEX_CHAOS_SEED").unwrap_or(u64::from(now.subsec_nanos()) | 1);
        let cycles = read("CORTEX_CHAOS_CYCLES").unwrap_or(cycles);
        println!("CORTEX_CHAOS_SEED={seed}, {cycles} cycles");
        (Self(seed), cycles)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    /// Lets the processes work for a random time before the next kill. The random time is the point
    /// of these tests.
    pub(crate) async fn work_for_a_moment(&mut self) {
        tokio::time::sleep(Duration::from_millis(50 + self.below(400))).await;
    }

    /// Draws one of `choices`. Each round draws all of them, in a random order.
    pub(crate) fn draw<T: Copy>(&mut self, choices: &[T], left: &mut Vec<T>) -> T {
        if left.is_empty() {
            left.extend(choices);
        }
        let drawn = self.below(left.len() as u64);
        left.swap_remove(usize::try_from(drawn).unwrap())
    }
}
