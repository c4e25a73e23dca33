//! The metrics that every process has.

#[cfg(target_os = "linux")]
use prometheus::process_collector::ProcessCollector;

use crate::metrics::{Registry, gauges};
use crate::telemetry;

/// Returns a registry with the metrics of the process itself: memory, CPU time, version and
/// exported spans.
#[must_use]
pub fn registry(version: &'static str) -> Registry {
    let registry = Registry::default();
    #[cfg(target_os = "linux")]
    registry.add(ProcessCollector::for_self());
    let info = gauges("cortex_build_info", "Always 1. The label is the version that runs.", &["version"]);
    info.with_label_values(&[version]).set(1);
    registry.add(info);
    telemetry::register(&registry);
    registry
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_process_reports_its_version_and_its_memory() {
        let text = super::registry("1.2.3").text();
        assert!(text.contains("cortex_build_info{version=\"1.2.3\"} 1"), "{text}");
        #[cfg(target_os = "linux")]
        assert!(text.contains("process_resident_memory_bytes"), "{text}");
    }
}
