//! Continues the trace of a request in a span, and in the next process.
//!
//! A trace is passed on as a W3C `traceparent`.
//! <https://www.w3.org/TR/trace-context/>

use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::context;

/// Whether spans are exported and therefore have their own ids.
static EXPORTED: AtomicBool = AtomicBool::new(false);

pub(super) fn is_exported() -> bool {
    EXPORTED.load(Ordering::Relaxed)
}

pub(super) fn activate() {
    EXPORTED.store(true, Ordering::Relaxed);
}

/// Returns the trace id of a valid `traceparent`.
pub(super) fn trace_id(traceparent: Option<&str>) -> Option<&str> {
    let traceparent = traceparent?;
    parse(traceparent)?;
    traceparent.split('-').nth(1)
}

/// Makes an exported span part of the trace that `traceparent` names. An invalid value starts a new
/// trace.
pub(super) fn continue_trace(span: &Span, traceparent: Option<&str>) {
    if let Some(remote) = traceparent.and_then(parse) {
        let parent = opentelemetry::Context::new().with_remote_span_context(remote);
        // This fails if the span is not exported, and then it needs no parent.
        let _ = span.set_parent(parent);
    }
    let own = span.context().span().span_context().trace_id();
    context::set_trace_id(span, own.to_string());
}

/// Returns the `traceparent` for a request that is made within a span. Without an exporter, returns
/// `incoming` unchanged, because this process records no spans.
#[must_use]
pub fn traceparent(span: &Span, incoming: Option<&str>) -> Option<String> {
    let passed_on = || incoming.map(str::to_owned);
    if !is_exported() {
        return passed_on();
    }
    let context = span.context();
    let own = context.span().span_context().clone();
    if own.is_valid() { Some(format(&own)) } else { passed_on() }
}

/// Returns the `traceparent` for a request that is made within the current span, like
/// [`traceparent`].
#[must_use]
pub fn current_traceparent(incoming: Option<&str>) -> Option<String> {
    if is_exported() { traceparent(&Span::current(), incoming) } else { incoming.map(str::to_owned) }
}

fn format(context: &SpanContext) -> String {
    let (trace, span, flags) = (context.trace_id(), context.span_id(), context.trace_flags().to_u8());
    format!("00-{trace}-{span}-{flags:02x}")
}

fn parse(text: &str) -> Option<SpanContext> {
    let mut parts = text.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    if version != "00" || !hex(trace, 32) || !hex(span, 16) || !hex(flags, 2) || parts.next().is_some() {
        return None;
    }
    let context = SpanContext::new(
        TraceId::from_hex(trace).ok()?,
        SpanId::from_hex(span).ok()?,
        TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED,
        true,
        TraceState::NONE,
    );
    context.is_valid().then_some(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_survives_reading_and_writing() {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(format(&parse(text).unwrap()), text);
    }

    #[test]
    fn an_invalid_traceparent_continues_no_trace() {
        for text in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf9-00f067aa0ba902b7-01",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-x job=01a1fb51-9430-7707-8707-07-00f067aa0ba902b7-01",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
