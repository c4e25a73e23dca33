//! Serves each call in its own span, and measures it.

use std::time::Instant;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use cortex_api::headers;
use cortex_platform::telemetry::{self, SpanKind};
use tonic::{Code, Status};
use tracing::Instrument as _;

use crate::metrics::{GrpcMetrics, UNMATCHED};

/// The methods of the service. Callers can send any path, so only these become names of spans and
/// labels of metrics.
const METHODS: [&str; 4] =
    ["cortex.v1.Jobs/Submit", "cortex.v1.Jobs/Get", "cortex.v1.Jobs/Cancel", "cortex.v1.Jobs/Watch"];

pub(super) async fn observe(State(metrics): State<GrpcMetrics>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = method(request.uri().path());
    let traceparent = request.headers().get(headers::TRACEPARENT).and_then(|text| text.to_str().ok());
    let span = telemetry::span(method, SpanKind::Server, traceparent);
    telemetry::record(&span, telemetry::RPC_SYSTEM, "grpc");
    telemetry::record(&span, telemetry::RPC_METHOD, method);
    let response = next.run(request).instrument(span.clone()).await;
    // A failed call has its status in the head of the response.
    let code = Status::from_header_map(response.headers()).map_or(Code::Ok, |status| status.code());
    let name = name(code);
    telemetry::record(&span, telemetry::RPC_STATUS, name);
    if is_server_error(code) {
        telemetry::fail(&span, name);
    }
    metrics.answered(method, name, began.elapsed());
    response
}

fn method(path: &str) -> &'static str {
    let sent = path.strip_prefix('/').unwrap_or(path);
    METHODS.into_iter().find(|method| *method == sent).unwrap_or(UNMATCHED)
}

/// Returns a code's name in the specification of gRPC.
/// <https://grpc.github.io/grpc/core/md_doc_statuscodes.html>
fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

/// Returns whether a code means that the server failed, as OpenTelemetry defines it for spans.
/// <https://opentelemetry.io/docs/specs/semconv/rpc/grpc/>
fn is_server_error(code: Code) -> bool {
    matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    )
}
