//! What a run leaves to chance.

use std::time::{Duration, SystemTime};

/// A xorshift generator (Marsaglia 2003), seeded by `CORTEX_CHAOS_SEED` or the clock.
pub(crate) struct Dice(u64);

impl Dice {
    /// The dice, and for how many cycles to throw them: `CORTEX_CHAOS_CYCLES`, or as many as named. Says so.
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

    /// A moment of work before the next blow: its length, by chance, is the point of these tests.
    pub(crate) async fn moment(&mut self) {
        tokio::time::sleep(Duration::from_millis(50 + self.below(400))).await;
    }

    /// All of `cards` again and again, each round in an order of its own.
    pub(crate) fn deal<T: Copy>(&mut self, cards: &[T], hand: &mut Vec<T>) -> T {
        if hand.is_empty() {
            hand.extend(cards);
        }
        let drawn = self.below(hand.len() as u64);
        hand.swap_remove(usize::try_from(drawn).unwrap())
    }
}
