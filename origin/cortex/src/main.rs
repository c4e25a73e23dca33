//! `cortex`: the CLI and every role of the origin.

mod args;
mod cli;
mod commands;
mod config;
mod exit;
mod output;
mod ports;
mod program;
mod running;
mod target;

use std::process::ExitCode;

use clap::Parser;
use cortex_node::Home;
use cortex_platform::telemetry::{self, Log, Service};

use cli::Cli;
use exit::{Exit, Failure};

/// With 32 clients a call takes 8% less CPU than with glibc's allocator (README, "How fast").
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SERVICE: Service = Service { name: "cortex", version: env!("CARGO_PKG_VERSION") };

fn main() -> ExitCode {
    match run() {
        Ok(exit) => exit.into(),
        Err(failure) => failure.report().into(),
    }
}

fn run() -> Result<Exit, Failure> {
    cortex_platform::crypto::install();
    args::secret::refuse_plain(std::env::args_os().skip(1))?;
    let cli = Cli::parse();
    let otlp = if cli.command.is_server() { config::otlp()? } else { None };
    let log = Log::new(config::log_filter().as_deref(), "warn", config::log_format()?);
    let _telemetry = telemetry::init(log, &SERVICE, otlp.as_ref())?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(threads()).enable_all().build()?;
    let home = Home::open(cli.home)?;
    runtime.block_on(cli.command.run(&home, cli.json))
}

/// The cores are for the workers: the origin's own work is light, and fewer threads wake each other less.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(4))
}
