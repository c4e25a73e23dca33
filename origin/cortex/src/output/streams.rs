//! The two streams, either of which somebody may close.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use super::printable;
use crate::exit::Failure;

/// Writes a result and a line break. False once nobody reads any more, which is no fault of ours.
pub(crate) fn out(text: &str) -> bool {
    let mut stdout = io::stdout().lock();
    match written(&mut stdout, text) {
        Ok(()) => true,
        Err(error) => {
            if error.kind() != io::ErrorKind::BrokenPipe {
                tracing::error!(%error, "standard output can't be written");
            }
            false
        }
    }
}

/// Writes a piece of a result, and no line break. False once nobody reads any more.
pub(crate) fn piece(text: &str) -> bool {
    let mut stdout = io::stdout().lock();
    pure(&mut stdout, text).and_then(|()| stdout.flush()).is_ok()
}

/// Shows a model's thoughts on the way to its answer, which they are no part of: dimmed, and only to a person.
pub(crate) fn thought(text: &str) {
    let mut stderr = io::stderr().lock();
    if stderr.is_terminal() {
        // There is nobody left to tell.
        let _ = write!(stderr, "\x1b[2m{}\x1b[0m", printable(text)).and_then(|()| stderr.flush());
    }
}

/// Writes one JSON document, indented.
///
/// # Errors
/// If it is none.
pub(crate) fn json(document: &impl Serialize) -> Result<bool, Failure> {
    Ok(out(&serde_json::to_string_pretty(document)?))
}

/// Writes one JSON document on a line of its own.
///
/// # Errors
/// If it is none.
pub(crate) fn json_line(document: &impl Serialize) -> Result<bool, Failure> {
    Ok(out(&serde_json::to_string(document)?))
}

/// Tells the person, not the program that reads the result.
pub(crate) fn note(text: &str) {
    let mut stderr = io::stderr().lock();
    // There is nobody left to tell.
    let _ = written(&mut stderr, text);
}

fn written(to: &mut (impl Write + IsTerminal), text: &str) -> io::Result<()> {
    pure(to, text)?;
    to.write_all(b"\n")?;
    to.flush()
}

fn pure(to: &mut (impl Write + IsTerminal), text: &str) -> io::Result<()> {
    if to.is_terminal() { to.write_all(printable(text).as_bytes()) } else { to.write_all(text.as_bytes()) }
}
