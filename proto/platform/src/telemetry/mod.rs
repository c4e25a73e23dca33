//! Logs to standard error and spans to an OpenTelemetry collector.
//!
//! Every process opens spans that continue the `traceparent` of the request it works on. They add
//! the id of the job and of the trace to each log line. With [`OtlpSettings`] they are also
//! exported. Otherwise no exporter runs, and a span costs only its log context.

mod context;
mod export;
pub mod genai;
mod log;
mod otlp;
mod queue;
mod span;
mod trace;

pub use cortex_otlp::{Settings as OtlpSettings, SettingsError as OtlpError};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

pub use export::ExportError;
use export::Exporter;
pub use log::{Format, Log};
pub use span::{
    DECISION, HTTP_METHOD, HTTP_ROUTE, HTTP_STATUS, JOB, RPC_METHOD, RPC_STATUS, RPC_SYSTEM, SpanKind,
    TENANT, TOPIC, WORKER, exported_job_span, fail, job_span, record, record_current, record_integer,
    record_job, span,
};
pub use trace::{current_traceparent, traceparent};

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
pub fn init(log: Log, service: &Service, otlp: Option<&OtlpSettings>) -> Result<Telemetry, ExportError> {
    let exporter = otlp.map(|settings| Exporter::start(settings, service)).transpose()?;
    let mut log = log;
    let invalid = log.invalid_filter();
    match exporter.as_ref().zip(otlp) {
        Some((exporter, settings)) => {
            let provider = SdkTracerProvider::builder()
                .with_span_processor(exporter.queue())
                .with_sampler(otlp::sampler(settings.sampler))
                .with_resource(otlp::resource(settings, service))
                .build();
            trace::activate();
            // Log lines are not part of spans, because they can hold text of errors.
            let spans = tracing_opentelemetry::layer()
                .with_tracer(provider.tracer("cortex"))
                .with_location(false)
                .with_threads(false)
                .with_target(false)
                .with_tracked_inactivity(false)
                .with_filter(filter_fn(span::is_ours));
            tracing_subscriber::registry().with(spans).with(log.layer()).init();
        }
        None => tracing_subscriber::registry().with(log.layer()).init(),
    }
    if let Some(filter) = invalid {
        tracing::warn!(
            filter,
            "the filter of the log is invalid and was ignored (expected such as info,cortex_link=debug)"
        );
    }
    Ok(Telemetry { _exporter: exporter })
}
