//! `cortex store`: checks, copies, restores and migrates the store.

use std::path::PathBuf;

use cortex_node::{Home, MaintenanceError, StoreReport};
use serde_json::json;

use crate::args::StoreArgs;
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
    Backup {
        /// The file to write
        file: PathBuf,
        #[command(flatten)]
        store: StoreArgs,
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
                "pass --store sqlite, or use the server's own tools, such as pg_dump for Postgres or a copy of the \
                 append-only file for Redis",
            ),
            MaintenanceError::Open(_) | MaintenanceError::Backup(_) => {
                (Exit::Config, "`cortex doctor` checks the home folder and its disk")
            }
            MaintenanceError::Store(_) => {
                (Exit::Broken, "put a copy in the place of the store with `cortex store restore`")
            }
            MaintenanceError::Task(_) => (Exit::Broken, crate::exit::DEFECT),
        };
        Self::new(exit, error, help)
    }
}
