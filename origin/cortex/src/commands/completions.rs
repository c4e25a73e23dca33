//! `cortex completions`.

use clap::Command;
use clap_complete::Shell;

use crate::exit::{Exit, Failure};
use crate::output::print_generated;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The shell to complete in
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Prints the completion script of `command`.
///
/// # Errors
/// Returns an error if the output can't be written.
pub(crate) fn run(args: &Args, mut command: Command) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "cortex", &mut script);
    print_generated(&script)?;
    Ok(Exit::Done)
}
