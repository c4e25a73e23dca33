//! One piece of work of the edge, and its place in a trace. Spans hold ids, routes and codes, and no text of callers.

use cortex_api::trace::Traceparent;
use cortex_domain::time::Timestamp;

/// What a span does for its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Serves a request.
    Server,
    /// Takes a job from the ledger or the queue.
    Consumer,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Text(String),
    Number(i64),
}

/// A span that has ended.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) own: Traceparent,
    pub(crate) parent: Option<Traceparent>,
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    pub(crate) attributes: Vec<(&'static str, Value)>,
    pub(crate) failed: bool,
}

/// A span that has begun.
#[derive(Clone, Debug)]
pub(crate) struct Open {
    pub(crate) own: Traceparent,
    pub(crate) parent: Option<Traceparent>,
    pub(crate) start: Timestamp,
}

impl Open {
    /// Ends the span.
    pub(crate) fn end(
        self,
        name: String,
        kind: Kind,
        end: Timestamp,
        attributes: Vec<(&'static str, Value)>,
        failed: bool,
    ) -> Span {
        let Self { own, parent, start } = self;
        Span { own, parent, name, kind, start, end, attributes, failed }
    }
}
