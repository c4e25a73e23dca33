//! `cortex store`: checks, copies, backs up, restores and migrates the store.

use std::path::PathBuf;

use cortex_node::{CopyReport, Home, MaintenanceError, StorePlace, StoreReport};
use serde_json::json;

use crate::args::{StoreArgs, secret};
use crate::exit::{Exit, Failure};
use crate::output;

/// Maximum number of findings that are printed as text.
const MAX_PRINTED: usize = 20;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Check that everything in the store agrees, also while it is in use
    Verify {
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Copy the store to a new file, also while it is in use
    ///
    /// A copy of SQLite or Postgres is of one moment. A copy of Redis fails if the store changes
    /// meanwhile: stop the processes that use it first.
    Backup {
        /// The file to write
        file: PathBuf,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Copy a store to an empty place, on any engine, and check the copy
    ///
    /// Stop the processes that use the source first. On a server, one that still runs can no longer
    /// write and is not ready. If the copy is interrupted, no process can open the target: empty it,
    /// and run the command again.
    Copy {
        /// The store to copy: a file, the address of a Redis or Postgres server, or @FILE with one
        #[arg(long, value_name = "PLACE", value_parser = place)]
        from: StorePlace,
        /// The place of the copy: a new file, the address of an empty database, or @FILE with one
        #[arg(long, value_name = "PLACE", value_parser = place)]
        to: StorePlace,
    },
    /// Put a copy in the place of a store that does not exist
    Restore {
        /// The file that `cortex store backup` wrote
        file: PathBuf,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Raise the schema of a store that an older version wrote
    Migrate {
        #[command(flatten)]
        store: StoreArgs,
    },
}

/// Runs the command.
///
/// # Errors
/// Returns an error if the store can't be used.
pub(crate) async fn run(home: &Home, verb: Verb, json: bool) -> Result<Exit, Failure> {
    match verb {
        Verb::Verify { store } => {
            let report = cortex_node::verify_store(home, &store.engine()?).await?;
            if json {
                output::print_json(&view(&report))?;
            } else {
                output::print(&text(&report))?;
            }
            Ok(if report.total == 0 { Exit::Done } else { Exit::Negative })
        }
        Verb::Backup { file, store } => {
            let bytes = cortex_node::back_up_store(home, &store.engine()?, &file).await?;
            said(json, json!({ "file": file, "bytes": bytes }), || {
                format!("The copy {} has {bytes} bytes.", file.display())
            })
        }
        Verb::Copy { from, to } => {
            let report = cortex_node::copy_store(home, &from, &to).await?;
            if json {
                output::print_json(&copy_view(&report))?;
            } else {
                output::print(&copy_text(&report))?;
            }
            Ok(if report.is_whole() { Exit::Done } else { Exit::Negative })
        }
        Verb::Restore { file, store } => {
            let bytes = cortex_node::restore_store(home, &store.engine()?, &file).await?;
            said(json, json!({ "file": file, "bytes": bytes }), || {
                format!("The store is restored from {} ({bytes} bytes).", file.display())
            })
        }
        Verb::Migrate { store } => {
            let found = cortex_node::migrate_store(home, &store.engine()?).await?;
            said(json, json!({ "from": found }), || {
                format!("The store had schema {found} and is current now.")
            })
        }
    }
}

fn said(json: bool, view: serde_json::Value, text: impl FnOnce() -> String) -> Result<Exit, Failure> {
    if json {
        output::print_json(&view)?;
    } else {
        output::print(&text())?;
    }
    Ok(Exit::Done)
}

/// Reads a place, or the contents of the file in `@FILE`.
fn place(text: &str) -> Result<StorePlace, String> {
    secret::read(text).map(|text| StorePlace::parse(&text))
}

fn copy_view(report: &CopyReport) -> serde_json::Value {
    let states: serde_json::Map<_, _> = report
        .states
        .iter()
        .map(|(state, (source, target))| ((*state).to_owned(), json!({ "source": source, "target": target })))
        .collect();
    json!({
        "ok": report.is_whole(),
        "jobs": report.copied.jobs,
        "steps": report.copied.steps,
        "messages": report.copied.messages,
        "entries": report.copied.entries,
        "states": states,
        "check": view(&report.check),
    })
}

fn copy_text(report: &CopyReport) -> String {
    let copied = &report.copied;
    let mut lines = vec![format!(
        "Copied {} jobs, {} steps, {} messages and {} audit entries.",
        copied.jobs, copied.steps, copied.messages, copied.entries
    )];
    for (state, (source, target)) in &report.states {
        let differs = if source == target { "" } else { " (differs)" };
        lines.push(format!("- {state}: {source} in the source, {target} in the copy{differs}"));
    }
    lines.push(text(&report.check));
    if !report.is_whole() {
        lines.push("The copy differs from the source: don't use it.".into());
    }
    lines.join("\n")
}

fn view(report: &StoreReport) -> serde_json::Value {
    let findings: Vec<_> = report.findings.iter().map(ToString::to_string).collect();
    json!({ "ok": report.total == 0, "jobs": report.jobs, "total": report.total, "findings": findings })
}

fn text(report: &StoreReport) -> String {
    if report.total == 0 {
        return format!("{} jobs checked: everything agrees.", report.jobs);
    }
    let mut lines = vec![format!("{} jobs checked, {} findings:", report.jobs, report.total)];
    lines.extend(report.findings.iter().take(MAX_PRINTED).map(|finding| format!("- {finding}")));
    if report.total > MAX_PRINTED as u64 {
        lines.push("... (--json shows more)".into());
    }
    lines.join("\n")
}

impl From<MaintenanceError> for Failure {
    fn from(error: MaintenanceError) -> Self {
        let (exit, help) = match &error {
            MaintenanceError::Unsupported { .. } => (
                Exit::Config,
                "stores on servers have only one schema so far, so there is nothing to migrate",
            ),
            MaintenanceError::Open(_) | MaintenanceError::Backup(_) | MaintenanceError::Installation(_) => {
                (Exit::Config, "`cortex doctor` checks the home folder and its disk")
            }
            MaintenanceError::Server(error) => {
                let exit = if error.is_of_the_configuration() { Exit::Config } else { Exit::Broken };
                (exit, "check the address of the store, and that its server runs")
            }
            MaintenanceError::Copy(_) => (
                Exit::Broken,
                "stop the processes that use the source, empty the target, and run the command again",
            ),
            MaintenanceError::Differs { .. } | MaintenanceError::Io(_) => {
                (Exit::Broken, "`cortex store verify` lists what does not agree in a store")
            }
            MaintenanceError::Store(_) => {
                (Exit::Broken, "put a copy in the place of the store with `cortex store restore`")
            }
            MaintenanceError::Task(_) => (Exit::Broken, crate::exit::DEFECT),
        };
        Self::new(exit, error, help)
    }
}
