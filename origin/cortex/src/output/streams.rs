//! Standard output for results and standard error for messages. Every write of the CLI goes through
//! here, so that control characters from outside never reach a terminal.
//!
//! A reader may close the pipe at any time, as `head` does. This is no error: later writes are
//! dropped.

use std::io::{self, ErrorKind, IsTerminal, Write};

use serde::Serialize;

use super::terminal::stderr_has_color;
use super::{escape_json, escape_text};
use crate::exit::{Exit, Failure};

const DIM: &str = "\x1b[2m";
const BOLD_RED: &str = "\x1b[1;31m";
const RESET: &str = "\x1b[0m";

/// Prints a result and a line break. Returns false if the reader has closed the pipe.
///
/// # Errors
/// Returns an error if the output can't be written, for example because the disk is full.
pub(crate) fn print(text: &str) -> Result<bool, Failure> {
    write_stdout(&escape_text(text), "\n")
}

/// Prints a part of a result without a line break. Returns false if the reader has closed the pipe.
///
/// # Errors
/// Returns an error if the output can't be written.
pub(crate) fn print_part(text: &str) -> Result<bool, Failure> {
    write_stdout(&escape_text(text), "")
}

/// Prints a JSON document, indented. Returns false if the reader has closed the pipe.
///
/// # Errors
/// Returns an error if the document can't be serialized or written.
pub(crate) fn print_json(document: &impl Serialize) -> Result<bool, Failure> {
    write_stdout(&escape_json(&serde_json::to_string_pretty(document)?), "\n")
}

/// Prints a JSON document on one line. Returns false if the reader has closed the pipe.
///
/// # Errors
/// Returns an error if the document can't be serialized or written.
pub(crate) fn print_json_line(document: &impl Serialize) -> Result<bool, Failure> {
    write_stdout(&escape_json(&serde_json::to_string(document)?), "\n")
}

/// Prints a generated file, such as a completion script, byte for byte.
///
/// # Errors
/// Returns an error if the output can't be written.
pub(crate) fn print_generated(bytes: &[u8]) -> Result<bool, Failure> {
    let mut stdout = io::stdout().lock();
    written(stdout.write_all(bytes).and_then(|()| stdout.flush()))
}

/// Shows a part of a model's reasoning, which is not part of the result: dimmed, and only on a
/// terminal.
pub(crate) fn show_reasoning(text: &str) {
    let mut stderr = io::stderr().lock();
    if stderr.is_terminal() {
        let (on, off) = if stderr_has_color() { (DIM, RESET) } else { ("", "") };
        // Messages are best effort: there is nowhere to report that standard error is gone.
        let _ = write!(stderr, "{on}{}{off}", escape_text(text)).and_then(|()| stderr.flush());
    }
}

/// Prints a message for the person. It is not part of the result, so it goes to standard error.
pub(crate) fn note(text: &str) {
    // Best effort, as in `show_reasoning`.
    let _ = writeln!(io::stderr().lock(), "{}", escape_text(text));
}

/// Prints an error with its causes and the help for it, and returns its exit code.
pub(crate) fn report(failure: &Failure) -> Exit {
    let (on, off) = if stderr_has_color() { (BOLD_RED, RESET) } else { ("", "") };
    let message = format!("{:#}", failure.error);
    let (message, help) = (escape_text(&message), escape_text(&failure.help));
    // Best effort, as in `show_reasoning`.
    let _ = writeln!(io::stderr().lock(), "{on}cortex:{off} {message}\n  help: {help}");
    failure.exit
}

fn write_stdout(text: &str, end: &str) -> Result<bool, Failure> {
    let mut stdout = io::stdout().lock();
    written(write!(stdout, "{text}{end}").and_then(|()| stdout.flush()))
}

/// Tells a reader that has closed the pipe from an output that is broken.
pub(super) fn written(result: io::Result<()>) -> Result<bool, Failure> {
    match result {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(unwritable(&error)),
    }
}

/// Returns the failure of a write to standard output.
pub(crate) fn unwritable(error: &io::Error) -> Failure {
    Failure::message(
        Exit::Unavailable,
        format!("can't write to standard output: {error}"),
        "free space where the output goes, or redirect it to another file",
    )
}
