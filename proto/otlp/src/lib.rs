//! OpenTelemetry without its SDK, which does not build for wasm32: spans in its protocol over HTTP, and
//! the variables that configure an exporter.

mod encode;
mod settings;
mod span;

pub use encode::{CONTENT_TYPE, Resource, encode};
pub use settings::{Headers, Sampler, Settings, SettingsError};
pub use span::{AttributeValue, Span, SpanKind};
