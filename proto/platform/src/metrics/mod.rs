//! Metrics of this process in Prometheus' text format.
//!
//! Names follow Prometheus' conventions: base units, `_total` for counters. Label values come from
//! closed sets, such as states and routes, or from sets that configuration bounds. Tenants are
//! unbounded, so only the [`top::MAX_TENANTS`] with the most jobs get their own label value.

mod join;
pub mod socket;
pub mod top;

pub use join::{ProcessMetrics, join};
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
pub use prometheus::{
    Histogram, HistogramTimer, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec,
};
use prometheus::{HistogramOpts, Opts, TextEncoder};

/// The content type of [`Registry::text`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Buckets in seconds, for durations from half a millisecond to a minute.
pub const DURATION_BUCKETS: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// The metrics of one process. A clone is the same registry.
#[derive(Debug, Clone, Default)]
pub struct Registry(prometheus::Registry);

impl Registry {
    /// Adds metrics. Each name may be added to a registry once.
    pub fn add(&self, collector: impl Collector + 'static) {
        self.0.register(Box::new(collector)).expect("every metric is added to a registry once");
    }

    /// Adds gauges that `sample` sets whenever the metrics are read.
    pub fn add_sampled<const N: usize>(
        &self,
        gauges: [IntGaugeVec; N],
        sample: impl Fn(&[IntGaugeVec; N]) + Send + Sync + 'static,
    ) {
        self.add(Sampled { gauges, sample });
    }

    /// Returns all metrics as text.
    #[must_use]
    pub fn text(&self) -> String {
        let families = self.0.gather();
        TextEncoder::new().encode_to_string(&families).expect("registered metrics can be written")
    }
}

/// Gauges that are set when they are read.
struct Sampled<const N: usize, F> {
    gauges: [IntGaugeVec; N],
    sample: F,
}

impl<const N: usize, F: Fn(&[IntGaugeVec; N]) + Send + Sync> Collector for Sampled<N, F> {
    fn desc(&self) -> Vec<&Desc> {
        self.gauges.iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        // A label value that no longer exists must not be reported again.
        self.gauges.iter().for_each(IntGaugeVec::reset);
        (self.sample)(&self.gauges);
        self.gauges.iter().flat_map(Collector::collect).collect()
    }
}

/// Makes a counter.
#[must_use]
pub fn counter(name: &str, help: &str) -> IntCounter {
    IntCounter::new(name, help).expect("the name is valid")
}

/// Makes a counter for each combination of label values.
#[must_use]
pub fn counters(name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    IntCounterVec::new(Opts::new(name, help), labels).expect("the names are valid")
}

/// Makes a gauge.
#[must_use]
pub fn gauge(name: &str, help: &str) -> IntGauge {
    IntGauge::new(name, help).expect("the name is valid")
}

/// Makes a gauge for each combination of label values.
#[must_use]
pub fn gauges(name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
    IntGaugeVec::new(Opts::new(name, help), labels).expect("the names are valid")
}

/// Makes a histogram. `buckets` are upper bounds, in the unit that the name ends with.
#[must_use]
pub fn histogram(name: &str, help: &str, buckets: &[f64]) -> Histogram {
    let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
    Histogram::with_opts(options).expect("the name is valid and the buckets rise")
}

/// Makes a histogram for each combination of label values.
#[must_use]
pub fn histograms(name: &str, help: &str, labels: &[&str], buckets: &[f64]) -> HistogramVec {
    let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
    HistogramVec::new(options, labels).expect("the names are valid and the buckets rise")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_values_are_escaped() {
        let registry = Registry::default();
        let counters = counters("x_total", "X.", &["label"]);
        counters.with_label_values(&["a\"b\\c\nd"]).inc();
        registry.add(counters);
        assert!(registry.text().contains(r#"x_total{label="a\"b\\c\nd"} 1"#), "{}", registry.text());
    }

    #[test]
    fn a_removed_label_value_is_not_sampled_again() {
        let registry = Registry::default();
        let names = std::sync::Mutex::new(vec!["a", "b"]);
        registry.add_sampled([gauges("x", "X.", &["name"])], move |[x]| {
            let mut names = names.lock().unwrap();
            names.iter().for_each(|name| x.with_label_values(&[*name]).set(1));
            names.pop();
        });
        assert!(registry.text().contains("x{name=\"b\"} 1"));
        assert!(!registry.text().contains("x{name=\"b\"}"));
    }
}
