//! Logs to standard error and spans to an OpenTelemetry collector.
//!
//! Every process opens spans that continue the `traceparent` of the request it works on. They add
//! the id of the job and of the trace to each log line. With [`Otlp`] settings they are also
//! exported. Otherwise no exporter runs, and a span costs only its log context.

mod context;
mod export;
pub mod genai;
mod log;
mod otlp;
mod queue;
mod span;
mod trace;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use context::ContextLayer;
pub use export::ExportError;
use export::Exporter;
pub use log::{Format, Log};
pub use otlp::{Otlp, OtlpError, Sampler};
pub use span::{
    DECISION, HTTP_METHOD, HTTP_ROUTE, HTTP_STATUS, JOB, SpanKind, TENANT, TOPIC, WORKER, fail, job_span,
    span,
};
pub use trace::traceparent;

use crate::metrics::Registry;

/// The name of a process in traces.
#[derive(Debug, Clone)]
pub struct Service {
    /// `service.name`, unless `OTEL_SERVICE_NAME` is set.
    pub name: &'static str,
    /// `service.version`.
    pub version: &'static str,
}

/// Running telemetry. Dropping it exports the waiting spans, for at most three seconds.
#[derive(Debug, Default)]
#[must_use]
pub struct Telemetry {
    _exporter: Option<Exporter>,
}

/// Adds the counts of exported and dropped spans to the metrics of this process.
pub(crate) fn register(registry: &Registry) {
    queue::COUNTS.register(registry);
}

/// Starts the logs of this process, and the export of spans if `otlp` is set.
///
/// # Errors
/// Returns an error if the exporter can't be set up.
pub fn init(log: Log, service: &Service, otlp: Option<&Otlp>) -> Result<Telemetry, ExportError> {
    let exporter = otlp.map(|otlp| Exporter::start(otlp, service)).transpose()?;
    let spans = exporter.as_ref().zip(otlp).map(|(exporter, otlp)| {
        let provider = SdkTracerProvider::builder()
            .with_span_processor(exporter.queue())
            .with_sampler(otlp.sampler.to_sdk())
            .with_resource(otlp.resource(service))
            .build();
        trace::activate();
        // Spans of libraries are not exported. The exporter's own HTTP client makes some.
        let ours = Targets::new().with_target("cortex", tracing::Level::INFO);
        tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("cortex"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(ours)
    });
    tracing_subscriber::registry().with(spans).with(ContextLayer).with(log.layer()).init();
    Ok(Telemetry { _exporter: exporter })
}
