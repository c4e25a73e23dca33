//! The exporter: one thread that sends batches of spans to the collector. A collector that hangs or
//! fails delays nothing else.

use std::sync::mpsc as blocking;
use std::time::Duration;

use cortex_otlp::Settings;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::queue::{COUNTS, DropReason, SpanQueue};
use super::{Service, otlp};

/// Maximum number of spans in one request.
const MAX_BATCH: usize = 512;
/// How long the first span of a batch waits for others.
const BATCH_INTERVAL: Duration = Duration::from_secs(1);
/// How long the process waits at its end until the last spans are sent.
pub(super) const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(3);

/// Why spans can't be exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("the span exporter could not be set up: {0}")]
    Exporter(#[from] ExporterBuildError),
    #[error("the HTTP client of the span exporter could not be set up: {0}")]
    Client(#[from] reqwest::Error),
    #[error("the thread of the span exporter could not be started: {0}")]
    Thread(#[from] std::io::Error),
}

/// The exporter's thread.
#[derive(Debug)]
pub(super) struct Exporter {
    queue: SpanQueue,
    stop: CancellationToken,
    ended: blocking::Receiver<()>,
}

impl Exporter {
    pub(super) fn start(settings: &Settings, service: &Service) -> Result<Self, ExportError> {
        let client = reqwest::Client::builder()
            .timeout(settings.timeout)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        // The SDK decodes values once more.
        let headers =
            settings.headers.pairs().map(|(name, value)| (name.to_owned(), value.replace('%', "%25")));
        let mut exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_endpoint(settings.endpoint.as_str())
            .with_headers(headers.collect())
            .with_timeout(settings.timeout)
            .build()?;
        exporter.set_resource(&otlp::resource(settings, service));
        let (queue, waiting) = SpanQueue::new();
        let stop = CancellationToken::new();
        let (alive, ended) = blocking::channel();
        let (host, port) = (settings.endpoint.host_str(), settings.endpoint.port_or_known_default());
        let work = ExportTask {
            waiting,
            exporter,
            stop: stop.clone(),
            timeout: settings.timeout,
            collector: format!("{}:{}", host.unwrap_or_default(), port.unwrap_or_default()),
            fails: false,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("span-exporter".into()).spawn(move || {
            let _alive: blocking::Sender<()> = alive;
            runtime.block_on(work.run());
        })?;
        Ok(Self { queue, stop, ended })
    }

    pub(super) fn queue(&self) -> SpanQueue {
        self.queue.clone()
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.stop.cancel();
        // The wait ends when the thread drops its end of the channel, or with the timeout.
        let _ = self.ended.recv_timeout(SHUTDOWN_TIMEOUT);
    }
}

/// The state of the thread.
struct ExportTask {
    waiting: mpsc::Receiver<SpanData>,
    exporter: SpanExporter,
    stop: CancellationToken,
    timeout: Duration,
    /// Host and port of the collector, for log lines.
    collector: String,
    /// Whether the last export failed.
    fails: bool,
}

impl ExportTask {
    async fn run(mut self) {
        while let Some(batch) = self.batch().await {
            self.export(batch).await;
        }
    }

    /// Collects the next batch. Returns `None` once the process ends and no span waits.
    async fn batch(&mut self) -> Option<Vec<SpanData>> {
        let first = tokio::select! {
            biased;
            first = self.waiting.recv() => first?,
            () = self.stop.cancelled() => self.waiting.try_recv().ok()?,
        };
        let mut batch = vec![first];
        let until = Instant::now() + BATCH_INTERVAL;
        while batch.len() < MAX_BATCH {
            let more = MAX_BATCH - batch.len();
            let gathered = tokio::select! {
                gathered = timeout_at(until, self.waiting.recv_many(&mut batch, more)) => gathered,
                () = self.stop.cancelled() => {
                    while batch.len() < MAX_BATCH
                        && let Ok(span) = self.waiting.try_recv()
                    {
                        batch.push(span);
                    }
                    break;
                }
            };
            if matches!(gathered, Err(_) | Ok(0)) {
                break;
            }
        }
        Some(batch)
    }

    async fn export(&mut self, batch: Vec<SpanData>) {
        let spans = batch.len();
        let sent = timeout(self.timeout, self.exporter.export(batch)).await;
        let failure = match sent {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some(format!("no response within {} ms", self.timeout.as_millis())),
        };
        match (&failure, std::mem::replace(&mut self.fails, failure.is_some())) {
            (Some(error), false) => {
                tracing::warn!(
                    error,
                    collector = self.collector,
                    "spans can't be exported; they are dropped until the collector responds"
                );
            }
            (Some(error), true) => tracing::debug!(error, spans, "spans were dropped"),
            (None, true) => tracing::info!("spans are exported again"),
            (None, false) => {}
        }
        match failure {
            Some(_) => COUNTS.count_dropped(DropReason::Failed, spans),
            None => COUNTS.exported.inc_by(spans as u64),
        }
    }
}
