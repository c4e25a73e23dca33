//! The gateway's metrics.

use std::time::Duration;

use cortex_platform::metrics::{self, DURATION_BUCKETS, HistogramVec, IntGauge, Registry};
use cortex_platform::telemetry::genai;
use http::StatusCode;

/// Metrics of the HTTP API. Clones share the counters.
#[derive(Clone, Debug)]
pub(crate) struct HttpMetrics {
    duration: HistogramVec,
    open: IntGauge,
}

impl Default for HttpMetrics {
    fn default() -> Self {
        Self {
            duration: metrics::histograms(
                "cortex_http_request_duration_seconds",
                "Time from the head of a request to the head of its response.",
                &["method", "route", "status"],
                DURATION_BUCKETS,
            ),
            open: metrics::gauge(
                "cortex_http_requests_open",
                "Requests that wait for the head of their response.",
            ),
        }
    }
}

impl HttpMetrics {
    /// Counts an open request until the guard is dropped.
    pub(crate) fn open(&self) -> OpenRequest {
        self.open.inc();
        OpenRequest(self.open.clone())
    }

    /// Records a response. `route` is a path of the route table, or [`UNMATCHED`].
    pub(crate) fn answered(&self, method: &str, route: &str, status: StatusCode, took: Duration) {
        self.duration.with_label_values(&[method, route, status.as_str()]).observe(took.as_secs_f64());
    }

    pub(crate) fn register(&self, registry: &Registry) {
        registry.add(self.duration.clone());
        registry.add(self.open.clone());
    }
}

/// Metrics of the gRPC API. Clones share the counters.
#[derive(Clone, Debug)]
pub(crate) struct GrpcMetrics {
    duration: HistogramVec,
}

impl Default for GrpcMetrics {
    fn default() -> Self {
        Self {
            duration: metrics::histograms(
                "cortex_grpc_call_duration_seconds",
                "Time from the head of a call to the head of its response.",
                &["method", "code"],
                DURATION_BUCKETS,
            ),
        }
    }
}

impl GrpcMetrics {
    /// Records a response. `method` is a method of the service, or [`UNMATCHED`].
    pub(crate) fn answered(&self, method: &str, code: &str, took: Duration) {
        self.duration.with_label_values(&[method, code]).observe(took.as_secs_f64());
    }

    pub(crate) fn register(&self, registry: &Registry) {
        registry.add(self.duration.clone());
    }
}

/// The label of requests without a route.
pub(crate) const UNMATCHED: &str = "unmatched";
/// The method label of requests without a route, because callers can send any method.
pub(crate) const OTHER_METHOD: &str = "other";

/// A request without a response.
#[derive(Debug)]
pub(crate) struct OpenRequest(IntGauge);

impl Drop for OpenRequest {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Durations of generation and embedding requests by model. Only known models are counted, so that
/// callers can't create labels. Clones share the counters.
#[derive(Clone, Debug)]
pub(crate) struct ModelMetrics {
    duration: HistogramVec,
    first_token: HistogramVec,
}

impl Default for ModelMetrics {
    fn default() -> Self {
        let histograms = |name: &str, help| {
            let name = format!("{}_seconds", name.replace('.', "_"));
            metrics::histograms(
                &name,
                help,
                &["gen_ai_operation_name", "gen_ai_request_model"],
                DURATION_BUCKETS,
            )
        };
        Self {
            duration: histograms(
                genai::REQUEST_DURATION,
                "Duration of a request to a model, measured at the gateway.",
            ),
            first_token: histograms(
                genai::TIME_TO_FIRST_TOKEN,
                "Time from a streaming request to the first chunk of its response, measured at \
                    the gateway.",
            ),
        }
    }
}

impl ModelMetrics {
    pub(crate) fn ended(&self, operation: &str, model: &str, took: Duration) {
        self.duration.with_label_values(&[operation, model]).observe(took.as_secs_f64());
    }

    pub(crate) fn first_token(&self, operation: &str, model: &str, took: Duration) {
        self.first_token.with_label_values(&[operation, model]).observe(took.as_secs_f64());
    }

    pub(crate) fn register(&self, registry: &Registry) {
        registry.add(self.duration.clone());
        registry.add(self.first_token.clone());
    }
}
