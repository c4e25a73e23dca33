//! Spans of the edge, sent to the collector that `OTEL_EXPORTER_OTLP_ENDPOINT` names. Without it the
//! edge passes a caller's trace on unchanged.

mod export;
mod span;

pub(crate) use export::{Background, Exporter};
pub(crate) use span::OpenSpan;
