//! `cortex demo`: real work through the public door, by the public API alone.

use crate::commands::up::UpArgs;
mod rank;
mod stack;
mod steps;

use crate::exit::{Exit, Failure};
use crate::output::out;
use cortex_node::Home;
use cortex_platform::signals::Signals;

use stack::DemoStack;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) up: UpArgs,
}

/// Sets the stack, plays, and strikes it, whatever happens.
pub(crate) async fn run(home: &Home, args: Args) -> Result<Exit, Failure> {
    let mut signals = Signals::listen()?;
    let mut stack = tokio::select! {
        stack = DemoStack::start(home, &args.up) => stack?,
        () = signals.any() => return Ok(Exit::Negative),
    };
    let ended = tokio::select! {
        ended = steps::run(&mut stack) => ended,
        () = signals.any() => Err(Failure::message(Exit::Negative, "stopped before its end")),
    };
    stack.stop().await;
    ended?;
    out("Everything has stopped. `cortex up` starts the same and stays.");
    Ok(Exit::Done)
}
