//! Makes all spans, so that every process uses the same names.

use std::fmt::Display;

use cortex_domain::id::JobId;
use tracing::{Span, field};

use super::trace;

/// The field with the job's id.
pub const JOB: &str = "cortex.job.id";
pub const TENANT: &str = "cortex.tenant";
pub const TOPIC: &str = "cortex.topic";
pub const WORKER: &str = "cortex.worker.id";
/// What the safety kernel decided: `ALLOW`, `DENY`, `REQUIRE_HUMAN` or `THROTTLE`.
pub const DECISION: &str = "cortex.policy.decision";
pub const HTTP_METHOD: &str = "http.request.method";
/// The template of the path, such as `/api/v1/jobs/{id}`.
pub const HTTP_ROUTE: &str = "http.route";
pub const HTTP_STATUS: &str = "http.response.status_code";
/// Why something failed, as an error code.
const ERROR_TYPE: &str = "error.type";
const STATUS: &str = "otel.status_code";

/// Which end of an exchange a span is.
/// <https://opentelemetry.io/docs/specs/otel/trace/api/#spankind>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanKind {
    /// Serves a request.
    Server,
    /// Makes a request and waits for the response.
    Client,
    /// Sends a job to a worker.
    Producer,
    /// Runs a job.
    Consumer,
}

impl SpanKind {
    fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        }
    }
}

/// Starts a span that continues the trace of `traceparent`. It has the highest level, so that log
/// lines of every level get its ids.
#[must_use]
pub fn span(name: &str, kind: SpanKind, traceparent: Option<&str>) -> Span {
    let span = tracing::error_span!(
        "span",
        otel.name = name,
        otel.kind = kind.name(),
        { STATUS } = field::Empty,
        { JOB } = field::Empty,
        { TENANT } = field::Empty,
        { TOPIC } = field::Empty,
        { WORKER } = field::Empty,
        { DECISION } = field::Empty,
        { HTTP_METHOD } = field::Empty,
        { HTTP_ROUTE } = field::Empty,
        { HTTP_STATUS } = field::Empty,
        { ERROR_TYPE } = field::Empty,
        { super::genai::OPERATION_NAME } = field::Empty,
        { super::genai::REQUEST_MODEL } = field::Empty,
        { super::genai::USAGE_INPUT_TOKENS } = field::Empty,
        { super::genai::USAGE_OUTPUT_TOKENS } = field::Empty,
    );
    trace::continue_trace(&span, traceparent);
    span
}

/// Starts a span about a job.
#[must_use]
pub fn job_span(name: &str, kind: SpanKind, job: JobId, traceparent: Option<&str>) -> Span {
    let span = span(name, kind, traceparent);
    span.record(JOB, field::display(job));
    span
}

/// Marks a span as failed. `error` is an error code and not a message, because spans contain no
/// text of callers.
pub fn fail(span: &Span, error: impl Display) {
    span.record(STATUS, "ERROR");
    span.record(ERROR_TYPE, field::display(error));
}
