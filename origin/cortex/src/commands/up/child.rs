//! A child process: in a group of its own, ended with it, and ended when we are killed.

use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child as Process, ChildStdin, Command};

use super::log::ChildLog;

/// How long a child has to stop by itself: longer than an origin gives the requests it has open.
const STOP_TIMEOUT: Duration = Duration::from_secs(15);

/// A child and all that it started.
#[derive(Debug)]
pub(crate) struct Child {
    process: Process,
    group: Pid,
    /// Closed when we end, however we end.
    _lifeline: Option<ChildStdin>,
}

impl Child {
    /// Starts a command with its output going to `log`. Its standard input stays open as long as we live, so
    /// that it can tell when we were killed.
    ///
    /// # Errors
    /// If the command can't be run or the log can't be written.
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
        let group = pid.ok_or_else(|| io::Error::other("the child ended at once"))?;
        let _lifeline = process.stdin.take();
        Ok(Self { process, group, _lifeline })
    }

    /// Resolves when the child itself ends.
    ///
    /// # Errors
    /// If it can't be waited for.
    pub(crate) async fn ended(&mut self) -> io::Result<ExitStatus> {
        self.process.wait().await
    }

    /// Asks the whole group to stop, and kills what is left after a while.
    pub(crate) async fn stop(mut self) {
        self.signal(Signal::TERM);
        if tokio::time::timeout(STOP_TIMEOUT, self.ended()).await.is_err() {
            tracing::warn!(group = self.group.as_raw_nonzero(), "a child did not stop in time and is killed");
        }
        self.kill().await;
    }

    /// Kills the whole group at once.
    pub(crate) async fn kill(mut self) {
        self.signal(Signal::KILL);
        if let Err(error) = self.process.wait().await {
            tracing::warn!(%error, "a child could not be waited for");
        }
    }

    fn signal(&self, signal: Signal) {
        // A group that is gone is what we want.
        let _ = kill_process_group(self.group, signal);
    }
}

impl Drop for Child {
    /// Only where `stop` was not called: nothing of ours outlives us.
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}
