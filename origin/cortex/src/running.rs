//! The state file of a running `cortex up` or `cortex serve`, for the other commands.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::exit::Failure;
use cortex_node::{Home, write_private};

/// A running `cortex up` or `cortex serve`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Running {
    pub(crate) pid: u32,
    /// The address of the origin's API.
    pub(crate) origin: String,
    /// The address of the gRPC API, if enabled.
    pub(crate) grpc: Option<String>,
    /// The address of the metrics, if enabled.
    #[serde(default)]
    pub(crate) metrics: Option<String>,
    /// The address of the edge, if enabled.
    pub(crate) edge: Option<String>,
    /// The address of the embedding model host, if enabled.
    pub(crate) host: Option<String>,
    /// The address of the chat model host, if enabled.
    #[serde(default)]
    pub(crate) chat_host: Option<String>,
    pub(crate) processes: Vec<Process>,
}

/// A child process of `cortex up`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Process {
    /// `edge`, or a worker's id.
    pub(crate) name: String,
    pub(crate) log: PathBuf,
}

impl Running {
    /// Reads the state file. Returns `None` if it is missing or its process has ended.
    #[must_use]
    pub(crate) fn read(home: &Home) -> Option<Self> {
        let running: Self = serde_json::from_slice(&std::fs::read(home.running()).ok()?).ok()?;
        let pid = rustix::process::Pid::from_raw(i32::try_from(running.pid).ok()?)?;
        rustix::process::test_kill_process(pid).ok()?;
        Some(running)
    }

    /// Writes the state file.
    ///
    /// # Errors
    /// Returns an error if the file can't be written.
    pub(crate) fn write(&self, home: &Home) -> Result<(), Failure> {
        Ok(write_private(&home.running(), &serde_json::to_vec_pretty(self)?)?)
    }

    /// Deletes the state file.
    pub(crate) fn clear(home: &Home) {
        if let Err(error) = std::fs::remove_file(home.running()) {
            tracing::debug!(%error, "can't delete the state file");
        }
    }
}
