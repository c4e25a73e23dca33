//! What `cortex up` runs, written down for the other commands.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::exit::Failure;
use cortex_node::{Home, write_private};

/// One running `cortex up`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Running {
    pub(crate) pid: u32,
    /// The origin's API.
    pub(crate) origin: String,
    /// The gRPC door, unless it was left out.
    pub(crate) grpc: Option<String>,
    /// The edge, unless it was left out.
    pub(crate) edge: Option<String>,
    /// The model host, unless it was left out.
    pub(crate) host: Option<String>,
    /// The chat models' host, unless it was left out.
    #[serde(default)]
    pub(crate) chat_host: Option<String>,
    pub(crate) processes: Vec<Process>,
}

/// A process beside the origin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Process {
    /// `edge`, or a worker's id.
    pub(crate) name: String,
    pub(crate) log: PathBuf,
}

impl Running {
    /// What is written down, if the process that wrote it is still there.
    #[must_use]
    pub(crate) fn read(home: &Home) -> Option<Self> {
        let running: Self = serde_json::from_slice(&std::fs::read(home.running()).ok()?).ok()?;
        let pid = rustix::process::Pid::from_raw(i32::try_from(running.pid).ok()?)?;
        rustix::process::test_kill_process(pid).ok()?;
        Some(running)
    }

    /// Writes down what runs.
    ///
    /// # Errors
    /// Returns an error if the file can't be written.
    pub(crate) fn write(&self, home: &Home) -> Result<(), Failure> {
        Ok(write_private(&home.running(), &serde_json::to_vec_pretty(self)?)?)
    }

    /// Nothing runs any more.
    pub(crate) fn clear(home: &Home) {
        if let Err(error) = std::fs::remove_file(home.running()) {
            tracing::debug!(%error, "what ran could not be cleared");
        }
    }
}
