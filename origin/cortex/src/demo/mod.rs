//! `cortex demo`: real work through the public door, by the public API alone.

mod rank;
mod scenes;
mod stage;

use crate::cli::DemoArgs;
use crate::exit::{Exit, Failure};
use crate::home::Home;
use crate::show::out;
use crate::up::Signals;

use stage::Stage;

/// Sets the stage, plays, and strikes it, whatever happens.
pub(crate) async fn run(home: &Home, args: DemoArgs) -> Result<Exit, Failure> {
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
