//! Counts by size.

use std::sync::atomic::{AtomicU64, Ordering};

/// The sum is kept in millionths.
const PARTS: f64 = 1e6;

#[derive(Debug)]
pub(super) struct Histogram {
    bounds: &'static [f64],
    /// One per bound, and one for what is larger than all.
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

/// What a histogram held at one time.
#[derive(Debug, PartialEq)]
pub(super) struct Counts {
    /// Up to each bound, all the smaller ones included; the last has no bound.
    pub(super) up_to: Vec<(Option<f64>, u64)>,
    pub(super) sum: f64,
}

impl Histogram {
    pub(super) fn new(bounds: &'static [f64]) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds, counts, sum: AtomicU64::new(0) }
    }

    pub(super) fn count(&self, value: f64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add((value * PARTS) as u64, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> Counts {
        let mut total = 0;
        let bounds = self.bounds.iter().copied().map(Some).chain([None]);
        let up_to = bounds.zip(&self.counts).map(|(bound, count)| {
            total += count.load(Ordering::Relaxed);
            (bound, total)
        });
        Counts { up_to: up_to.collect(), sum: self.sum.load(Ordering::Relaxed) as f64 / PARTS }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_counts_up_to_every_bound_that_it_does_not_exceed() {
        let histogram = Histogram::new(&[1.0, 2.0]);
        [0.5, 1.0, 1.5, 7.0].into_iter().for_each(|value| histogram.count(value));
        let counts = histogram.read();
        assert_eq!(counts.up_to, [(Some(1.0), 2), (Some(2.0), 3), (None, 4)]);
        assert!((counts.sum - 10.0).abs() < 1e-6);
    }
}
