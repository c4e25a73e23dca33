//! What `cortex up` would do without arguments, the environment counted in.

use clap::Parser;

use crate::cli::{Cli, UpArgs, Verb};
use crate::exit::{Exit, Failure};

/// # Errors
/// If the environment names something that can't be.
pub(super) fn up() -> Result<UpArgs, Failure> {
    match Cli::try_parse_from(["cortex", "up"]) {
        Ok(Cli { verb: Verb::Up(args), .. }) => Ok(args),
        Ok(_) => Err(Failure::message(Exit::Broken, "`up` is not what it was read as")),
        Err(error) => Err(Failure::message(Exit::Config, error.to_string().trim())),
    }
}
