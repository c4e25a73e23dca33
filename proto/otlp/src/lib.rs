//! Spans in OpenTelemetry's protocol over HTTP, encoded without its SDK, which does not build for wasm32.

mod encode;
mod span;

pub use encode::{CONTENT_TYPE, encode};
pub use span::{Kind, Span, Value};
