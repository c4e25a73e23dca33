//! How fast this machine reads memory.

use std::time::Instant;

/// Bytes a second that all threads together read from memory that no cache holds: the best of a few times.
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

/// In independent lanes, so that adding doesn't wait for itself.
fn sum(words: &[u64]) -> u64 {
    let mut lanes = [0_u64; 32];
    for words in words.as_chunks::<32>().0 {
        for (lane, word) in lanes.iter_mut().zip(words) {
            *lane = lane.wrapping_add(*word);
        }
    }
    lanes.iter().fold(0, |sum, lane| sum.wrapping_add(*lane))
}
