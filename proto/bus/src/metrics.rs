//! What the bus carries.

use std::collections::BTreeMap;

use cortex_platform::metrics::{self, IntCounter, IntCounterVec, IntGaugeVec, Registry};

use crate::rejections::Rejections;

/// The bus' metrics.
#[derive(Debug)]
pub(crate) struct Metrics {
    messages: IntCounterVec,
    pub(crate) requests: IntCounter,
    pub(crate) events: IntCounter,
    pub(crate) queued: IntCounter,
    pub(crate) dropped: Dropped,
    pub(crate) rejections: Rejections,
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
            dropped: Dropped::default(),
            rejections: Rejections::default(),
        }
    }
}

/// Messages that the bus dropped, by cause.
#[derive(Clone, Debug)]
pub(crate) struct Dropped {
    all: IntCounterVec,
    /// A subscriber had no room for them.
    pub(crate) slow_subscriber: IntCounter,
    /// Too many waited to be sent.
    pub(crate) send_queue_full: IntCounter,
    /// The connection to the broker was down.
    pub(crate) disconnected: IntCounter,
    /// They came from a program that is not a bus.
    pub(crate) foreign: IntCounter,
}

impl Default for Dropped {
    fn default() -> Self {
        let all = metrics::counters(
            "cortex_bus_events_dropped_total",
            "Messages that the bus dropped, by cause.",
            &["cause"],
        );
        let of = |cause: &str| all.with_label_values(&[cause]);
        Self {
            slow_subscriber: of("slow_subscriber"),
            send_queue_full: of("send_queue_full"),
            disconnected: of("disconnected"),
            foreign: of("foreign"),
            all,
        }
    }
}

/// Returns the gauge of the messages in each queue.
pub(crate) fn depth_gauge() -> IntGaugeVec {
    metrics::gauges("cortex_bus_queue_depth", "Messages of a queue that were not acknowledged.", &["queue"])
}

impl Metrics {
    /// Adds the metrics to those of the process.
    pub(crate) fn register(&self, registry: &Registry) {
        registry.add(self.messages.clone());
        registry.add(self.dropped.all.clone());
        self.rejections.register(registry);
    }

    /// Adds the metrics to those of the process. `depths` returns the messages of each queue.
    pub(crate) fn register_with_depths(
        &self,
        registry: &Registry,
        depths: impl Fn() -> Vec<(String, usize)> + Send + Sync + 'static,
    ) {
        self.register(registry);
        registry.add_sampled([depth_gauge()], move |[depth]| {
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
