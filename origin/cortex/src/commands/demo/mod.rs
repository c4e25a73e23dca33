//! `cortex demo`: real work through the public door, by the public API alone.

use crate::commands::up::UpArgs;
mod rank;
mod scenes;
mod stage;

use crate::exit::{Exit, Failure};
use crate::output::out;
use cortex_node::Home;
use cortex_platform::signals::Signals;

use stage::Stage;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) up: UpArgs,
}

/// Sets the stage, plays, and strikes it, whatever happens.
pub(crate) async fn run(home: &Home, args: Args) -> Result<Exit, Failure> {
    let mut signals = Signals::listen()?;
    let mut stage = tokio::select! {
        stage = Stage::set(home, &args.up) => stage?,
        () = signals.any() => return Ok(Exit::Negative),
    };
    let played = tokio::select! {
        played = scenes::play(&mut stage) => played,
        () = signals.any() => Err(Failure::message(Exit::Negative, "stopped before its end")),
    };
    stage.strike().await;
    played?;
    out("Everything has stopped. `cortex up` starts the same and stays.");
    Ok(Exit::Done)
}
