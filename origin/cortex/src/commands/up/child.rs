//! A child process in a process group of its own, which ends when this process ends, even when it
//! is killed.

use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child as Process, ChildStdin, Command};

use super::log::ChildLog;

/// How long a child may take to stop: longer than an origin gives its open requests.
const STOP_TIMEOUT: Duration = Duration::from_secs(15);

/// A child and all processes that it started.
#[derive(Debug)]
pub(crate) struct Child {
    process: Process,
    group: Pid,
    /// Closed by the system when this process ends, in whichever way.
    _lifeline: Option<ChildStdin>,
}

impl Child {
    /// Starts a command with its output in `log`. Its standard input stays open until this process
    /// ends, so that the child notices when this process is killed.
    ///
    /// # Errors
    /// Returns an error if the command can't be run or the log can't be written.
    pub(crate) fn start(mut command: Command, log: &Path) -> io::Result<Self> {
        let log = ChildLog::open(log)?.pipe()?;
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let pid = process.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let group = pid.ok_or_else(|| io::Error::other("the child process exited immediately"))?;
        let _lifeline = process.stdin.take();
        Ok(Self { process, group, _lifeline })
    }

    /// Waits until the child has ended.
    ///
    /// # Errors
    /// Returns an error if the wait fails.
    pub(crate) async fn ended(&mut self) -> io::Result<ExitStatus> {
        self.process.wait().await
    }

    /// Asks the whole group to stop, and kills the rest after [`STOP_TIMEOUT`].
    pub(crate) async fn stop(mut self) {
        self.signal(Signal::TERM);
        if tokio::time::timeout(STOP_TIMEOUT, self.ended()).await.is_err() {
            tracing::warn!(group = self.group.as_raw_nonzero(), "killing a child that did not stop in time");
        }
        self.kill().await;
    }

    /// Kills the whole group at once.
    pub(crate) async fn kill(mut self) {
        self.signal(Signal::KILL);
        if let Err(error) = self.process.wait().await {
            tracing::warn!(%error, "can't wait for a child");
        }
    }

    fn signal(&self, signal: Signal) {
        // An error means that the group is gone already.
        let _ = kill_process_group(self.group, signal);
    }
}

impl Drop for Child {
    /// Kills the group if `stop` was not called.
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}
