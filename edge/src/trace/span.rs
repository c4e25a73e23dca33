//! The span of one piece of work of the edge. It holds ids, routes and codes, and no text of callers.

use cortex_api::trace::Traceparent;
use cortex_domain::time::Timestamp;
use cortex_otlp::{Kind, Span, Value};

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
        kind: Kind,
        end: Timestamp,
        attributes: Vec<(&'static str, Value)>,
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
