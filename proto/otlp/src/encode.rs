//! OpenTelemetry's protocol for spans, as protobuf. The messages have the fields that are sent.
//! <https://github.com/open-telemetry/opentelemetry-proto/blob/v1.7.0/opentelemetry/proto/trace/v1/trace.proto>

use prost::Message;

use crate::span::{AttributeValue, Span, SpanKind};

/// The content type of [`encode`].
pub const CONTENT_TYPE: &str = "application/x-protobuf";

/// What makes the spans.
#[derive(Clone, Copy, Debug)]
pub struct Resource<'a> {
    /// `service.name`.
    pub service: &'a str,
    /// `service.version`.
    pub version: &'a str,
    pub attributes: &'a [(String, String)],
}

/// Encodes spans as the body of a request to `/v1/traces`.
#[must_use]
pub fn encode(resource: Resource<'_>, spans: &[Span]) -> Vec<u8> {
    let own = [text("service.name", resource.service), text("service.version", resource.version)];
    let given = resource.attributes.iter().map(|(key, value)| text(key, value));
    let resource = ResourceMessage { attributes: own.into_iter().chain(given).collect() };
    let spans = spans.iter().map(SpanMessage::from).collect();
    let scope = Scope { name: "cortex".to_owned() };
    let scope_spans = vec![ScopeSpans { scope: Some(scope), spans }];
    Request { resource_spans: vec![ResourceSpans { resource: Some(resource), scope_spans }] }.encode_to_vec()
}

#[derive(Clone, PartialEq, Message)]
struct Request {
    #[prost(message, repeated, tag = "1")]
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Clone, PartialEq, Message)]
struct ResourceSpans {
    #[prost(message, optional, tag = "1")]
    resource: Option<ResourceMessage>,
    #[prost(message, repeated, tag = "2")]
    scope_spans: Vec<ScopeSpans>,
}

#[derive(Clone, PartialEq, Message)]
struct ResourceMessage {
    #[prost(message, repeated, tag = "1")]
    attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct ScopeSpans {
    #[prost(message, optional, tag = "1")]
    scope: Option<Scope>,
    #[prost(message, repeated, tag = "2")]
    spans: Vec<SpanMessage>,
}

#[derive(Clone, PartialEq, Message)]
struct Scope {
    #[prost(string, tag = "1")]
    name: String,
}

#[derive(Clone, PartialEq, Message)]
struct SpanMessage {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    span_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    parent_span_id: Vec<u8>,
    #[prost(string, tag = "5")]
    name: String,
    #[prost(int32, tag = "6")]
    kind: i32,
    #[prost(fixed64, tag = "7")]
    start_time_unix_nano: u64,
    #[prost(fixed64, tag = "8")]
    end_time_unix_nano: u64,
    #[prost(message, repeated, tag = "9")]
    attributes: Vec<KeyValue>,
    #[prost(message, optional, tag = "15")]
    status: Option<Status>,
}

#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "3")]
    code: i32,
}

#[derive(Clone, PartialEq, Message)]
struct KeyValue {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct AnyValue {
    #[prost(oneof = "Scalar", tags = "1, 3")]
    value: Option<Scalar>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Scalar {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(int64, tag = "3")]
    Number(i64),
}

/// `STATUS_CODE_ERROR`.
const ERROR: i32 = 2;
const NANOS_PER_MILLI: u64 = 1_000_000;

impl From<&Span> for SpanMessage {
    fn from(span: &Span) -> Self {
        let attribute = |(key, value): &(&str, AttributeValue)| match value {
            AttributeValue::Text(value) => text(key, value),
            AttributeValue::Number(value) => pair(key, Scalar::Number(*value)),
        };
        Self {
            trace_id: span.trace_id.to_vec(),
            span_id: span.span_id.to_vec(),
            parent_span_id: span.parent_span_id.map(Vec::from).unwrap_or_default(),
            name: span.name.clone(),
            kind: match span.kind {
                SpanKind::Server => 2,
                SpanKind::Consumer => 5,
            },
            start_time_unix_nano: span.start_ms * NANOS_PER_MILLI,
            end_time_unix_nano: span.end_ms * NANOS_PER_MILLI,
            attributes: span.attributes.iter().map(attribute).collect(),
            status: span.failed.then_some(Status { code: ERROR }),
        }
    }
}

fn text(key: &str, value: &str) -> KeyValue {
    pair(key, Scalar::Text(value.to_owned()))
}

fn pair(key: &str, value: Scalar) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }) }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use opentelemetry_proto::tonic::common::v1::any_value::Value as Given;

    use super::*;

    #[allow(clippy::unwrap_used, reason = "a failing test says where")]
    #[test]
    fn a_collector_reads_what_is_encoded() {
        let span = Span {
            trace_id: [7; 16],
            span_id: [1; 8],
            parent_span_id: Some([2; 8]),
            name: "POST /v1/embeddings".into(),
            kind: SpanKind::Server,
            start_ms: 1_000,
            end_ms: 1_250,
            attributes: vec![
                ("http.route", AttributeValue::Text("/v1/embeddings".into())),
                ("http.response.status_code", AttributeValue::Number(503)),
            ],
            failed: true,
        };
        let attributes = [("deployment.environment.name".to_owned(), "test".to_owned())];
        let resource = Resource { service: "cortex-edge", version: "0.1.0", attributes: &attributes };
        let body = encode(resource, &[span]);
        let read = ExportTraceServiceRequest::decode(&body[..]).unwrap();
        let resource_spans = &read.resource_spans[0];
        let resource = resource_spans.resource.as_ref().unwrap();
        let keys: Vec<_> = resource.attributes.iter().map(|attribute| attribute.key.as_str()).collect();
        assert_eq!(keys, ["service.name", "service.version", "deployment.environment.name"]);
        let span = &resource_spans.scope_spans[0].spans[0];
        assert_eq!(span.name, "POST /v1/embeddings");
        assert_eq!((&span.trace_id[..], &span.span_id[..]), (&[7; 16][..], &[1; 8][..]));
        assert_eq!(span.parent_span_id, [2; 8]);
        assert_eq!(span.end_time_unix_nano - span.start_time_unix_nano, 250_000_000);
        assert_eq!((span.kind, span.status.as_ref().unwrap().code), (2, ERROR));
        let status = span.attributes[1].value.as_ref().unwrap().value.clone();
        assert_eq!(status, Some(Given::IntValue(503)));
    }
}
