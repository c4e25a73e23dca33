//! `cortex completions`.

use clap_complete::Shell;

use crate::cli;
use crate::exit::{Exit, Failure};
use crate::output::print_generated;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The shell to complete in
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Prints a completion script.
///
/// # Errors
/// Returns an error if the output can't be written.
pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut cli::command(), "cortex", &mut script);
    print_generated(&script)?;
    Ok(Exit::Done)
}
