//! Makes all spans, so that every process uses the same names.

use std::fmt::Display;

use cortex_domain::id::JobId;
use tracing::{Metadata, Span, field};

use super::trace;

/// The field with the job's id.
pub const JOB: &str = "cortex.job.id";
/// The id of the trace, 32 hex digits. An exported span has no such field, because it has the id
/// anyway.
pub(super) const TRACE_ID: &str = "cortex.trace.id";
pub const TENANT: &str = "cortex.tenant";
pub const TOPIC: &str = "cortex.topic";
pub const WORKER: &str = "cortex.worker.id";
/// What the safety kernel decided: `ALLOW`, `DENY`, `REQUIRE_HUMAN` or `THROTTLE`.
pub const DECISION: &str = "cortex.policy.decision";
pub const HTTP_METHOD: &str = "http.request.method";
/// The template of the path, such as `/api/v1/jobs/{id}`.
pub const HTTP_ROUTE: &str = "http.route";
pub const HTTP_STATUS: &str = "http.response.status_code";
/// Always `grpc`.
pub const RPC_SYSTEM: &str = "rpc.system.name";
/// The service and its method, such as `cortex.v1.Jobs/Submit`.
pub const RPC_METHOD: &str = "rpc.method";
/// The name of a status code of gRPC, such as `NOT_FOUND`.
pub const RPC_STATUS: &str = "rpc.response.status_code";
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

/// Starts a span that continues the trace of `traceparent`, whichever span is open. It has the
/// highest level, so that log lines of every level get its ids.
#[must_use]
pub fn span(name: impl Display, kind: SpanKind, traceparent: Option<&str>) -> Span {
    start(name, kind, None, traceparent)
}

/// Starts a span about a job.
#[must_use]
pub fn job_span(name: &str, kind: SpanKind, job: JobId, traceparent: Option<&str>) -> Span {
    start(name, kind, Some(job), traceparent)
}

fn start(name: impl Display, kind: SpanKind, job: Option<JobId>, traceparent: Option<&str>) -> Span {
    if !trace::is_exported() {
        return tracing::error_span!(
            parent: None,
            "span",
            { JOB } = job.map(field::display),
            { TRACE_ID } = trace::trace_id(traceparent),
        );
    }
    let span = tracing::error_span!(
        parent: None,
        "span",
        otel.name = field::display(name),
        otel.kind = kind.name(),
        { STATUS } = field::Empty,
        { JOB } = job.map(field::display),
        { TENANT } = field::Empty,
        { TOPIC } = field::Empty,
        { WORKER } = field::Empty,
        { DECISION } = field::Empty,
        { HTTP_METHOD } = field::Empty,
        { HTTP_ROUTE } = field::Empty,
        { HTTP_STATUS } = field::Empty,
        { RPC_SYSTEM } = field::Empty,
        { RPC_METHOD } = field::Empty,
        { RPC_STATUS } = field::Empty,
        { ERROR_TYPE } = field::Empty,
        { super::genai::OPERATION_NAME } = field::Empty,
        { super::genai::REQUEST_MODEL } = field::Empty,
        { super::genai::USAGE_INPUT_TOKENS } = field::Empty,
        { super::genai::USAGE_OUTPUT_TOKENS } = field::Empty,
    );
    trace::continue_trace(&span, traceparent);
    span
}

/// Starts a span about a job, if spans are exported. It is for short steps whose log lines name the
/// job themselves.
#[must_use]
pub fn exported_job_span(name: &str, kind: SpanKind, job: JobId, traceparent: Option<&str>) -> Span {
    if trace::is_exported() { job_span(name, kind, job, traceparent) } else { Span::none() }
}

/// Records the job of the current span, for the collector and for the log lines within the span.
pub fn record_job(job: JobId) {
    Span::current().record(JOB, field::display(job));
}

/// Records an attribute of a span for the collector. Does nothing if no spans are exported.
pub fn record(span: &Span, name: &'static str, value: &str) {
    if trace::is_exported() {
        span.record(name, value);
    }
}

/// Records an attribute of the current span like [`record`].
pub fn record_current(name: &'static str, value: &str) {
    if trace::is_exported() {
        Span::current().record(name, value);
    }
}

/// Records a number like [`record`]. Only `i64` is exported as a number, and other integers as
/// text.
pub fn record_integer(span: &Span, name: &'static str, number: impl TryInto<i64>) {
    if trace::is_exported() {
        span.record(name, number.try_into().unwrap_or(i64::MAX));
    }
}

/// Marks a span as failed. `error` is an error code and not a message, because spans contain no
/// text of callers.
pub fn fail(span: &Span, error: impl Display) {
    if trace::is_exported() {
        span.record(STATUS, "ERROR");
        span.record(ERROR_TYPE, field::display(error));
    }
}

/// Returns whether a span was made by [`span`], and not by a library.
pub(super) fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.target() == module_path!()
}
