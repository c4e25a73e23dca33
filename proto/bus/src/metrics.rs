//! What the bus carries.

use std::collections::BTreeMap;

use cortex_platform::metrics::{self, IntCounter, IntCounterVec, Registry};

/// The bus' metrics.
#[derive(Debug)]
pub(crate) struct Metrics {
    messages: IntCounterVec,
    pub(crate) requests: IntCounter,
    pub(crate) events: IntCounter,
    pub(crate) queued: IntCounter,
    /// Events that a listener had no room for.
    pub(crate) dropped: IntCounter,
}

impl Default for Metrics {
    fn default() -> Self {
        let messages = metrics::counters(
            "cortex_bus_messages_total",
            "Messages that were put on the bus, by kind.",
            &["kind"],
        );
        Self {
            requests: messages.with_label_values(&["request"]),
            events: messages.with_label_values(&["event"]),
            queued: messages.with_label_values(&["queued"]),
            messages,
            dropped: metrics::counter(
                "cortex_bus_events_dropped_total",
                "Events that a subscriber missed because its queue was full.",
            ),
        }
    }
}

impl Metrics {
    /// Adds the metrics to those of the process.
    pub(crate) fn register(&self, registry: &Registry) {
        registry.add(self.messages.clone());
        registry.add(self.dropped.clone());
    }

    /// Adds the metrics to those of the process. `depths` returns the messages of each queue.
    pub(crate) fn register_with_depths(
        &self,
        registry: &Registry,
        depths: impl Fn() -> Vec<(String, usize)> + Send + Sync + 'static,
    ) {
        self.register(registry);
        let depth = metrics::gauges(
            "cortex_bus_queue_depth",
            "Messages of a queue that were not acknowledged.",
            &["queue"],
        );
        registry.add_sampled([depth], move |[depth]| {
            let mut of_kinds = BTreeMap::<String, usize>::new();
            for (queue, messages) in depths() {
                // The queues of all shares count as one.
                let kind = queue.rsplit_once('.').map_or(&*queue, |(kind, _)| kind);
                *of_kinds.entry(kind.to_owned()).or_default() += messages;
            }
            for (kind, messages) in of_kinds {
                depth.with_label_values(&[kind]).set(i64::try_from(messages).unwrap_or(i64::MAX));
            }
        });
    }
}
