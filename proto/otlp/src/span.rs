/// What a span does for its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanKind {
    /// Serves a request.
    Server,
    /// Takes a message that its parent sent.
    Consumer,
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttributeValue {
    Text(String),
    Number(i64),
}

/// A span that has ended.
#[derive(Clone, Debug)]
pub struct Span {
    pub trace_id: [u8; 16],
    pub span_id: [u8; 8],
    pub parent_span_id: Option<[u8; 8]>,
    pub name: String,
    pub kind: SpanKind,
    /// Milliseconds since 1970.
    pub start_ms: u64,
    /// Milliseconds since 1970.
    pub end_ms: u64,
    pub attributes: Vec<(&'static str, AttributeValue)>,
    pub failed: bool,
}
