//! `cortex demo`: real work through the edge, with the public API alone.

mod rank;
mod stack;
mod steps;

use cortex_node::Home;
use cortex_platform::signals::Signals;

use self::stack::DemoStack;
use crate::commands::up::StackArgs;
use crate::exit::{Exit, Failure};
use crate::output::print;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) stack: StackArgs,
}

/// Starts everything, runs the steps, and stops everything, also after a failure.
///
/// # Errors
/// Returns an error if something does not start, or if a step doesn't have the expected outcome.
pub(crate) async fn run(home: &Home, args: Args) -> Result<Exit, Failure> {
    let mut signals = Signals::listen()?;
    let mut stack = tokio::select! {
        stack = DemoStack::start(home, args.stack) => stack?,
        () = signals.any() => return Ok(Exit::Negative),
    };
    let ended = tokio::select! {
        ended = steps::run(&mut stack) => ended,
        () = signals.any() => Err(Failure::message(Exit::Negative, "the demo was interrupted", "run `cortex demo` again")),
    };
    stack.stop().await;
    ended?;
    print("The demo has stopped everything. `cortex up` starts the same and keeps running.")?;
    Ok(Exit::Done)
}
