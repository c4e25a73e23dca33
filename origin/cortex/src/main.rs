//! `cortex`: the CLI and every role of the origin.

mod cli;
mod command;
mod demo;
mod exit;
mod home;
mod origin;
mod ports;
mod roles;
mod running;
mod safety;
mod secrets;
mod show;
mod telemetry;
mod up;
mod verbs;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Verb};
use exit::{Exit, Failure};
use home::Home;

/// With 32 clients a call takes 8% less CPU than with glibc's allocator (README, "How fast").
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned());
    if let Err(refused) = cli::refuse_plain(arguments) {
        return report(&Failure::message(Exit::BadInput, refused)).into();
    }
    let cli = Cli::parse();
    telemetry::init();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads()).enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return report(&error.into()).into(),
    };
    match runtime.block_on(run(cli)) {
        Ok(exit) => exit.into(),
        Err(failure) => report(&failure).into(),
    }
}

/// The cores are for the workers: the origin's own work is light, and fewer threads wake each other less.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(4))
}

async fn run(cli: Cli) -> Result<Exit, Failure> {
    let home = Home::open(cli.home)?;
    match cli.verb {
        Verb::Up(args) => up::run(&home, args).await,
        Verb::Demo(args) => demo::run(&home, args).await,
        Verb::Safety(args) => safety::run(&home, args).await,
        Verb::Submit(args) => verbs::submit(&home, args, cli.json).await,
        Verb::Chat(args) => verbs::chat(&home, args, cli.json).await,
        Verb::Jobs(verb) => verbs::jobs(&home, verb, cli.json).await,
        Verb::Status(args) => verbs::status(&home, args.api_key, cli.json).await,
        Verb::Health => verbs::health(&home, cli.json).await,
        Verb::Doctor => verbs::doctor(&home, cli.json).await,
        Verb::Keys(verb) => verbs::keys(&home, verb, cli.json).await,
        Verb::Models(verb) => verbs::models(&home, verb, cli.json).await,
        Verb::Bench(args) => verbs::bench(&home, args, cli.json).await,
    }
}

/// One line, the causes after it.
fn report(failure: &Failure) -> Exit {
    #[allow(clippy::print_stderr)]
    {
        eprintln!("cortex: {:#}", failure.error);
    }
    failure.exit
}
