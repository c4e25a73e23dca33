//! `cortex` without a command: what this is, and what to do next.

use std::path::PathBuf;

use cortex_node::Home;
use serde::Serialize;

use super::up;
use crate::exit::{Exit, Failure};
use crate::output::{fields, print, print_json, width, wrap};
use crate::program;
use crate::running::Running;

const ABOUT: &str = "CortexOS puts the machines you own behind a public, governed, serverless edge.";

/// `cortex --json`.
#[derive(Debug, Serialize)]
struct WelcomeView {
    running: bool,
    /// The address to call: the edge, or the origin where there is no edge.
    url: Option<String>,
    next: Vec<String>,
}

/// Prints what runs here and the commands that come next. Creates nothing.
///
/// # Errors
/// Returns an error if the home folder can't be used or the output can't be written.
pub(crate) fn run(home: Option<PathBuf>, json: bool) -> Result<Exit, Failure> {
    let folder = home.clone().or_else(|| std::env::home_dir().map(|home| home.join(".cortex")));
    let running = match folder.filter(|folder| folder.is_dir()) {
        Some(_) => Running::read(&Home::open(home)?),
        None => None,
    };
    let url = running.as_ref().map(|running| running.edge.clone().unwrap_or_else(|| running.origin.clone()));
    let next = next(&program::called_as(), running.is_some(), up::can_run_edge());
    if json {
        let next = next.into_iter().map(|(command, _)| command).collect();
        print_json(&WelcomeView { running: running.is_some(), url, next })?;
    } else {
        let state = match url {
            Some(url) => format!("It is running on this machine: {url}"),
            None => "Nothing is running on this machine.".to_owned(),
        };
        let next = next.iter().map(|(command, what)| (command.as_str(), (*what).to_owned()));
        let about = wrap(ABOUT, width()).join("\n");
        print(&format!("{about}\n{state}\n\n{}", fields(next)))?;
    }
    Ok(Exit::Done)
}

/// The commands that come next, and what each does.
fn next(cortex: &str, running: bool, can_run_edge: bool) -> Vec<(String, &'static str)> {
    let mut next = if running {
        vec![
            (format!("{cortex} chat"), "Chat with a model"),
            (format!("{cortex} jobs list"), "List the newest jobs"),
            (format!("{cortex} status"), "Show what runs, and where its logs are"),
        ]
    } else if can_run_edge {
        vec![
            (format!("{cortex} up"), "Start the edge, the origin and the workers"),
            (format!("{cortex} demo"), "Send real work through the edge, show what happens, and stop"),
            (format!("{cortex} doctor"), "Check this machine"),
        ]
    } else {
        vec![
            ("make up".to_owned(), "In the source folder: build the edge and start everything"),
            (format!("{cortex} up --without edge"), "Start only the origin and the workers"),
            (format!("{cortex} doctor"), "Check this machine"),
        ]
    };
    next.push((format!("{cortex} --help"), "List every command"));
    next
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_next_depends_on_what_runs() {
        let first = |running, can_run_edge| next("cortex", running, can_run_edge).remove(0).0;
        assert_eq!(first(true, false), "cortex chat");
        assert_eq!(first(false, true), "cortex up");
        assert_eq!(first(false, false), "make up");
    }
}
