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

use std::io::ErrorKind;
use std::process::ExitCode;

use cortex_node::Home;
use cortex_platform::telemetry::{self, Log, Service};
use tracing::Level;

use cli::Cli;
use commands::welcome;
use exit::{Exit, Failure};

/// With 32 clients a call takes 8% less CPU than with glibc's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SERVICE: Service = Service { name: "cortex", version: env!("CARGO_PKG_VERSION") };

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    if let Err(failure) = args::secret::refuse_plain(arguments.iter().skip(1)) {
        return output::report(&failure).into();
    }
    let ended = match cli::parse(arguments) {
        Ok(cli) => run(cli),
        Err(error) => match help(&error) {
            Ok(exit) => return exit,
            Err(failure) => Err(failure),
        },
    };
    match ended {
        Ok(exit) => exit.into(),
        Err(failure) => output::report(&failure).into(),
    }
}

/// Prints the help, the version, or a mistake on the command line, and returns clap's exit code.
fn help(error: &clap::Error) -> Result<ExitCode, Failure> {
    match error.print() {
        Err(cause) if !error.use_stderr() && cause.kind() != ErrorKind::BrokenPipe => {
            Err(output::unwritable(&cause))
        }
        _ => Ok(ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))),
    }
}

fn run(cli: Cli) -> Result<Exit, Failure> {
    output::set_color(cli.color);
    cortex_platform::crypto::install();
    let otlp = match &cli.command {
        Some(command) if command.is_server() => config::otlp()?,
        _ => None,
    };
    let log = Log::new(config::log_filter().as_deref(), Level::WARN, config::log_format()?)
        .with_color(output::stderr_has_color());
    let _telemetry = telemetry::init(log, &SERVICE, otlp.as_ref())?;
    let Some(command) = cli.command else { return welcome::run(cli.home, cli.json) };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(threads()).enable_all().build()?;
    let home = Home::open(cli.home)?;
    runtime.block_on(command.run(&home, cli.json))
}

/// Returns the number of threads for the origin. Its own work is light and the workers need the
/// cores, so fewer threads wake each other less.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(4))
}
