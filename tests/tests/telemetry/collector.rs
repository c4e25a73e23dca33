//! A collector of spans that speaks OTLP over HTTP.

use std::collections::HashMap;
use std::future::pending;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use prost::Message;
use serde_json::Value;
use tokio::net::TcpListener;

/// How the collector behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behavior {
    Accepts,
    Hangs,
    Refuses,
}

/// A received span.
#[derive(Debug, Clone)]
pub(crate) struct Span {
    pub(crate) service: String,
    pub(crate) name: String,
    pub(crate) trace: String,
    pub(crate) id: String,
    pub(crate) parent: String,
    pub(crate) attributes: HashMap<String, Value>,
}

/// A running collector. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Collector {
    pub(crate) url: String,
    behavior: Behavior,
    spans: Arc<Mutex<Vec<Span>>>,
    /// Returns everything received, as text.
    raw: Arc<Mutex<Vec<u8>>>,
}

impl Collector {
    pub(crate) async fn start(behavior: Behavior) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let collector = Self { url, behavior, spans: Arc::default(), raw: Arc::default() };
        let routes = Router::new().route("/v1/traces", post(receive)).with_state(collector.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        collector
    }

    pub(crate) fn of_trace(&self, trace: &str) -> Vec<Span> {
        self.spans.lock().unwrap().iter().filter(|span| span.trace == trace).cloned().collect()
    }

    pub(crate) fn raw(&self) -> Vec<u8> {
        self.raw.lock().unwrap().clone()
    }
}

async fn receive(
    State(collector): State<Collector>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(HeaderMap, Vec<u8>), StatusCode> {
    match collector.behavior {
        Behavior::Accepts => {}
        Behavior::Hangs => pending::<()>().await,
        Behavior::Refuses => return Err(StatusCode::SERVICE_UNAVAILABLE),
    }
    assert_eq!(headers["content-type"], "application/x-protobuf");
    collector.raw.lock().unwrap().extend_from_slice(&body);
    let request = ExportTraceServiceRequest::decode(body).unwrap();
    let mut spans = collector.spans.lock().unwrap();
    for resource_spans in request.resource_spans {
        let resource = attributes(resource_spans.resource.unwrap_or_default().attributes);
        for span in resource_spans.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            spans.push(Span {
                service: resource["service.name"].as_str().unwrap().to_owned(),
                name: span.name,
                trace: hex(&span.trace_id),
                id: hex(&span.span_id),
                parent: hex(&span.parent_span_id),
                attributes: attributes(span.attributes),
            });
        }
    }
    let answer = [("content-type".parse().unwrap(), "application/x-protobuf".parse().unwrap())];
    Ok((answer.into_iter().collect(), ExportTraceServiceResponse::default().encode_to_vec()))
}

fn attributes(all: Vec<KeyValue>) -> HashMap<String, Value> {
    let json = |value: Option<AnyValue>| match value.and_then(|value| value.value) {
        Some(any_value::Value::StringValue(text)) => text.into(),
        Some(any_value::Value::IntValue(number)) => number.into(),
        other => Value::String(format!("{other:?}")),
    };
    all.into_iter().map(|pair| (pair.key, json(pair.value))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
