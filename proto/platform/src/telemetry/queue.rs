//! Spans that wait to be exported. Ending a span never waits: a span that does not fit is dropped and counted.

use std::sync::LazyLock;
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};
use tokio::sync::mpsc;

use crate::metrics::{self, IntCounter, IntCounterVec, Registry};

/// Spans that wait at most, as in OpenTelemetry's default for batches.
pub(super) const MAX_WAITING: usize = 2048;

/// What became of the spans of this process.
pub(super) static COUNTS: LazyLock<Counts> = LazyLock::new(Counts::new);

#[derive(Debug)]
pub(super) struct Counts {
    pub(super) exported: IntCounter,
    dropped: IntCounterVec,
}

/// Why a span was not exported.
#[derive(Debug, Clone, Copy)]
pub(super) enum Dropped {
    /// Too many spans waited.
    Full,
    /// The collector was not reached in time, or refused the spans.
    Failed,
}

impl Counts {
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
        counts.count_dropped(Dropped::Full, 0);
        counts.count_dropped(Dropped::Failed, 0);
        counts
    }

    pub(super) fn count_dropped(&self, reason: Dropped, spans: usize) {
        let reason = match reason {
            Dropped::Full => "queue_full",
            Dropped::Failed => "export_failed",
        };
        self.dropped.with_label_values(&[reason]).inc_by(spans as u64);
    }

    pub(super) fn register(&self, registry: &Registry) {
        registry.add(self.exported.clone());
        registry.add(self.dropped.clone());
    }
}

/// The end of the queue that takes spans.
#[derive(Debug, Clone)]
pub(super) struct Queue(mpsc::Sender<SpanData>);

impl Queue {
    pub(super) fn new() -> (Self, mpsc::Receiver<SpanData>) {
        let (spans, waiting) = mpsc::channel(MAX_WAITING);
        (Self(spans), waiting)
    }
}

impl SpanProcessor for Queue {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if self.0.try_send(span).is_err() {
            COUNTS.count_dropped(Dropped::Full, 1);
        }
    }

    /// Does nothing: the exporter's thread sends what waits, on its own time.
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    /// Does nothing: dropping [`super::Telemetry`] ends the exporter.
    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}
