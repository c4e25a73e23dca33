//! The worker process: runs one kind of work for an origin.

mod bench;
mod chat;
mod config;
mod embed;
mod engine;
mod exit;
mod failure;
mod host;
mod ids;
mod lifeline;
mod signals;
mod usage;

use std::process::ExitCode;

use anyhow::Context as _;
use cortex_inference::host::metrics_text;
use cortex_platform::process;
use cortex_platform::telemetry::{self, Log, Service};
use cortex_runtime::Worker;
use tokio_util::sync::CancellationToken;
use tracing::Level;

use config::{Config, Id, ServeConfig};
use engine::Started;
use exit::Exit;
use ids::own_id;

const SERVICE: Service = Service { name: "cortex-worker", version: env!("CARGO_PKG_VERSION") };

fn main() -> ExitCode {
    cortex_platform::crypto::install();
    let config = match Config::read() {
        Ok(config) => config,
        Err(exit) => return exit.report(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = runtime.context("the runtime can't be started").map_err(Exit::failed);
    let ended = ended.and_then(|runtime| match config {
        Config::Serve(served) => runtime.block_on(serve(*served)),
        Config::Bench(models, generation, cases) => runtime.block_on(bench::run(models, generation, cases)),
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(exit) => exit.report(),
    }
}

/// Works until a signal or its supervisor's end.
async fn serve(served: ServeConfig) -> Result<(), Exit> {
    let log = Log::new(served.log.filter.as_deref(), Level::INFO, served.log.format);
    let log = if served.log.no_color { log.with_color(false) } else { log };
    let _telemetry = telemetry::init(log, &SERVICE, served.log.otlp.as_ref()).map_err(Exit::config)?;
    let shutdown = CancellationToken::new();
    let orphaned = lifeline::watch().map_err(Exit::failed)?;
    signals::drain_on(shutdown.clone()).map_err(Exit::failed)?;

    let Started { engine, models } = engine::start(served.work, shutdown.clone()).await?;
    let (id, _held) = match served.id {
        Id::Named(id) => (id, None),
        Id::Own { kind, home } => {
            let own = own_id(kind, home.as_deref());
            (own.id.clone(), Some(own))
        }
    };
    let worker = Worker::new(served.settings.with_id(id), engine);
    let registry = process::registry(env!("CARGO_PKG_VERSION"));
    worker.register(&registry);
    let read = move || registry.text() + &models.as_ref().map(metrics_text).unwrap_or_default();
    host::open_metrics(served.metrics, read, shutdown.clone()).await?;
    let (origin, inbox) = cortex_link::open(served.dial, worker.introduction());
    tokio::select! {
        ended = worker.run(origin, inbox, shutdown) => ended.map_err(Exit::of_run),
        () = orphaned.cancelled() => {
            tracing::warn!("the process that started this worker has ended: stopping");
            Ok(())
        }
    }
}
