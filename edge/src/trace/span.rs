//! A span of the edge. It contains ids, routes and codes, and no text of callers.

use cortex_api::trace::Traceparent;
use cortex_domain::time::Timestamp;
use cortex_otlp::{AttributeValue, Span, SpanKind};

/// A span that has begun.
#[derive(Clone, Debug)]
pub(crate) struct OpenSpan {
    pub(crate) own: Traceparent,
    pub(crate) parent: Option<Traceparent>,
    pub(crate) start: Timestamp,
}

impl OpenSpan {
    /// Ends the span. Returns `None` if its trace is not recorded.
    pub(crate) fn end(
        self,
        name: String,
        kind: SpanKind,
        end: Timestamp,
        attributes: Vec<(&'static str, AttributeValue)>,
        failed: bool,
    ) -> Option<Span> {
        self.own.is_sampled().then(|| Span {
            trace_id: self.own.trace_id_bytes(),
            span_id: self.own.span_id_bytes(),
            parent_span_id: self.parent.map(|parent| parent.span_id_bytes()),
            name,
            kind,
            start_ms: self.start.as_millis(),
            end_ms: end.as_millis(),
            attributes,
            failed,
        })
    }
}
