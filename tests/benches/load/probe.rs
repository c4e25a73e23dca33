//! Probes of the machine's own speed.

use std::hint::black_box;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::stats::median;

const BLOCK: usize = 4096;
const COPIED: usize = 64 << 20;
const COPIES: usize = 9;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Probe {
    /// Serial flushes a second.
    pub(crate) flushes: f64,
    /// Gigabytes copied a second.
    pub(crate) memory: f64,
    /// Rounds of a fixed integer loop a second, in millions.
    pub(crate) steps: f64,
}

/// Probes the disk, the memory and one core.
pub(crate) fn run() -> Outcome<Probe> {
    Ok(Probe {
        flushes: flushes(&std::env::temp_dir(), Duration::from_secs(2))?,
        memory: memory(),
        steps: steps(),
    })
}

/// Returns the flushes per second. It appends and flushes 4 KiB at a time, like a database without
/// group commit.
pub(crate) fn flushes(folder: &Path, during: Duration) -> Outcome<f64> {
    let mut file = tempfile::tempfile_in(folder)?;
    let started = Instant::now();
    let mut flushes = 0;
    while started.elapsed() < during {
        file.write_all(&[0; BLOCK])?;
        file.sync_data()?;
        flushes += 1;
    }
    Ok(f64::from(flushes) / started.elapsed().as_secs_f64())
}

fn memory() -> f64 {
    let from = vec![1_u8; COPIED];
    let mut to = vec![0_u8; COPIED];
    let rates = (0..COPIES).map(|_| {
        let started = Instant::now();
        to.copy_from_slice(black_box(&from));
        black_box(&mut to);
        COPIED as f64 / started.elapsed().as_secs_f64() / 1e9
    });
    median(rates.collect())
}

fn steps() -> f64 {
    const STEPS: u64 = 20_000_000;
    let rates = (0..COPIES).map(|_| {
        let started = Instant::now();
        black_box((0..STEPS).fold(1_u64, |x, n| black_box(x.wrapping_mul(6_364_136_223_846_793_005) ^ n)));
        STEPS as f64 / started.elapsed().as_secs_f64() / 1e6
    });
    median(rates.collect())
}
