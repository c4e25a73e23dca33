//! The command as a user meets it: in a shell, in a pipe, in a terminal, against a server with
//! hostile answers.
#![allow(clippy::unwrap_used)]

mod errors;
mod escapes;
mod lists;
mod pipes;
mod server;
mod shell;
mod terminal;
mod welcome;

use std::path::Path;
use std::process::{Command, Output};

/// Returns `cortex` with a home folder and nothing else of this environment.
fn cortex(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cortex"));
    command.env_clear().env("CORTEX_HOME", home).env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
}

fn run(home: &Path, line: &str) -> Output {
    cortex(home).args(line.split_whitespace()).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}
