//! `cortex man`.

use std::path::PathBuf;

use clap::Command;
use clap_mangen::Man;

use crate::exit::{Exit, Failure};
use crate::output::{note, print_generated};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The folder to write the pages of all commands to [default: print cortex(1)]
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Prints the page of `command`, or writes a page for it and each command below it.
///
/// # Errors
/// Returns an error if a page can't be written.
pub(crate) fn run(args: &Args, command: Command) -> Result<Exit, Failure> {
    let Some(dir) = &args.dir else {
        let mut page = Vec::new();
        Man::new(command).render(&mut page)?;
        print_generated(&page)?;
        return Ok(Exit::Done);
    };
    let written = std::fs::create_dir_all(dir).and_then(|()| clap_mangen::generate_to(command, dir));
    written.map_err(|error| {
        let message = format!("can't write manual pages to {}: {error}", dir.display());
        Failure::message(Exit::BadInput, message, "pass a folder that you may write to: `cortex man DIR`")
    })?;
    note(&format!("the pages are in {}: read them with `man -l {0}/cortex.1`", dir.display()));
    Ok(Exit::Done)
}
