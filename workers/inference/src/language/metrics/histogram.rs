//! A histogram without locks.

use std::sync::atomic::{AtomicU64, Ordering};

/// The sum is stored in millionths.
const SUM_SCALE: f64 = 1e6;

#[derive(Debug)]
pub(super) struct Histogram {
    bounds: &'static [f64],
    /// A count per bound, and one for larger values.
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

/// The values of a histogram at one time.
#[derive(Debug, PartialEq)]
pub(super) struct HistogramSnapshot {
    /// Cumulative counts up to each bound. The last one has no bound.
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
        self.sum.fetch_add((value * SUM_SCALE) as u64, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> HistogramSnapshot {
        let mut total = 0;
        let bounds = self.bounds.iter().copied().map(Some).chain([None]);
        let up_to = bounds.zip(&self.counts).map(|(bound, count)| {
            total += count.load(Ordering::Relaxed);
            (bound, total)
        });
        HistogramSnapshot { up_to: up_to.collect(), sum: self.sum.load(Ordering::Relaxed) as f64 / SUM_SCALE }
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
