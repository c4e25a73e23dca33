//! Measures the memory bandwidth of this machine.

use std::time::Instant;

/// Returns how many bytes per second all threads together read from memory, beyond the caches. It
/// is the best of several runs.
pub(crate) fn bandwidth(threads: usize) -> f64 {
    const WORDS: usize = 1 << 27;
    let memory: Vec<u64> = (0..WORDS as u64).collect();
    let once = || {
        let start = Instant::now();
        std::thread::scope(|scope| {
            for part in memory.chunks(WORDS / threads) {
                scope.spawn(move || std::hint::black_box(sum(part)));
            }
        });
        (WORDS * 8) as f64 / start.elapsed().as_secs_f64()
    };
    (0..5).map(|_| once()).fold(0.0, f64::max)
}

/// Sums in independent lanes, so that no addition waits for the previous one.
fn sum(words: &[u64]) -> u64 {
    let mut lanes = [0_u64; 32];
    for words in words.as_chunks::<32>().0 {
        for (lane, word) in lanes.iter_mut().zip(words) {
            *lane = lane.wrapping_add(*word);
        }
    }
    lanes.iter().fold(0, |sum, lane| sum.wrapping_add(*lane))
}
