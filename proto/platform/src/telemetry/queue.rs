//! Spans that wait to be exported. Ending a span never waits: a span that does not fit is dropped
//! and counted.

use std::sync::LazyLock;
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};
use tokio::sync::mpsc;

use crate::metrics::{self, IntCounter, IntCounterVec, Registry};

/// Maximum number of waiting spans, as in OpenTelemetry's default for batches.
pub(super) const MAX_WAITING: usize = 2048;

/// How many spans of this process were exported or dropped.
pub(super) static COUNTS: LazyLock<SpanCounts> = LazyLock::new(SpanCounts::new);

#[derive(Debug)]
pub(super) struct SpanCounts {
    pub(super) exported: IntCounter,
    dropped: IntCounterVec,
}

/// Why a span was not exported.
#[derive(Debug, Clone, Copy)]
pub(super) enum DropReason {
    /// Too many spans were waiting.
    Full,
    /// The collector was unreachable, too slow, or rejected the spans.
    Failed,
}

impl SpanCounts {
    fn new() -> Self {
        let counts = Self {
            exported: metrics::counter(
                "cortex_telemetry_spans_exported_total",
                "Spans that the OpenTelemetry collector accepted.",
            ),
            dropped: metrics::counters(
                "cortex_telemetry_spans_dropped_total",
                "Spans that were not exported: the queue was full, or the collector failed.",
                &["reason"],
            ),
        };
        counts.count_dropped(DropReason::Full, 0);
        counts.count_dropped(DropReason::Failed, 0);
        counts
    }

    pub(super) fn count_dropped(&self, reason: DropReason, spans: usize) {
        let reason = match reason {
            DropReason::Full => "queue_full",
            DropReason::Failed => "export_failed",
        };
        self.dropped.with_label_values(&[reason]).inc_by(spans as u64);
    }

    pub(super) fn register(&self, registry: &Registry) {
        registry.add(self.exported.clone());
        registry.add(self.dropped.clone());
    }
}

/// The sending end of the queue.
#[derive(Debug, Clone)]
pub(super) struct SpanQueue(mpsc::Sender<SpanData>);

impl SpanQueue {
    pub(super) fn new() -> (Self, mpsc::Receiver<SpanData>) {
        let (spans, waiting) = mpsc::channel(MAX_WAITING);
        (Self(spans), waiting)
    }
}

impl SpanProcessor for SpanQueue {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if self.0.try_send(span).is_err() {
            COUNTS.count_dropped(DropReason::Full, 1);
        }
    }

    /// Does nothing, because the exporter's thread sends the waiting spans.
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    /// Does nothing, because dropping [`super::Telemetry`] ends the exporter.
    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}
