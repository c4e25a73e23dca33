//! The ids that a span adds to the log lines within it.

use std::fmt;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Span, Subscriber};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Registry, layer};

use super::span;

/// The job's id in a log line.
const JOB: &str = "job";
/// The id of the trace in a log line, 32 hex digits.
const TRACE_ID: &str = "trace_id";

/// The ids of one span.
#[derive(Debug, Default)]
pub(super) struct Context {
    pub(super) job: Option<String>,
    pub(super) trace_id: Option<String>,
}

impl Context {
    /// Fills in missing ids from an outer span.
    pub(super) fn fill(&mut self, outer: &Self) {
        for (own, outer) in [(&mut self.job, &outer.job), (&mut self.trace_id, &outer.trace_id)] {
            if own.is_none() {
                own.clone_from(outer);
            }
        }
    }

    /// Removes an id that the line already has as a field.
    pub(super) fn leave_out(&mut self, field: &str) {
        match field {
            JOB => self.job = None,
            TRACE_ID => self.trace_id = None,
            _ => {}
        }
    }

    pub(super) fn pairs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [(JOB, &self.job), (TRACE_ID, &self.trace_id)]
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.as_deref()?)))
    }
}

impl Visit for Context {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            span::JOB => self.job = Some(format!("{value:?}")),
            span::TRACE_ID => self.trace_id = Some(format!("{value:?}")),
            _ => {}
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            span::JOB => self.job = Some(value.to_owned()),
            span::TRACE_ID => self.trace_id = Some(value.to_owned()),
            _ => {}
        }
    }
}

/// Sets the id of an exported span's trace.
pub(super) fn set_trace_id(span: &Span, trace_id: String) {
    span.with_subscriber(|(id, dispatch)| {
        let registry = dispatch.downcast_ref::<Registry>()?;
        registry.span(id)?.extensions_mut().get_mut::<Context>()?.trace_id = Some(trace_id);
        Some(())
    });
}

/// Adds a [`Context`] to a new span.
pub(super) fn add_context<S>(attributes: &Attributes<'_>, id: &Id, spans: &layer::Context<'_, S>)
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let Some(span) = spans.span(id) else { return };
    let mut context = Context::default();
    attributes.record(&mut context);
    span.extensions_mut().insert(context);
}

/// Adds what was recorded to the [`Context`] of a span.
pub(super) fn update_context<S>(id: &Id, record: &Record<'_>, spans: &layer::Context<'_, S>)
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    if let Some(span) = spans.span(id)
        && let Some(context) = span.extensions_mut().get_mut()
    {
        record.record(context as &mut Context);
    }
}
