//! Processes that tests start from the build folder and end by their id.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// Returns the target folder that this test was built into.
#[must_use]
pub fn target() -> PathBuf {
    let exe = std::env::current_exe().unwrap();
    let profile = exe.parent().unwrap().parent().unwrap();
    profile.parent().unwrap().to_owned()
}

/// Returns the path of a binary of this build.
#[must_use]
pub fn binary(name: &str) -> PathBuf {
    let exe = std::env::current_exe().unwrap();
    let path = exe.parent().unwrap().parent().unwrap().join(name);
    assert!(path.is_file(), "{} is missing: `cargo build` makes it", path.display());
    path
}

/// Kills one process by its id.
pub fn kill(pid: u32) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
}

/// A process that does not run until this is dropped.
#[derive(Debug)]
pub struct Paused(Pid);

impl Paused {
    #[must_use]
    pub fn process(pid: u32) -> Self {
        let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
        kill_process(pid, Signal::STOP).unwrap();
        Self(pid)
    }
}

impl Drop for Paused {
    fn drop(&mut self) {
        // The process may have ended.
        let _ = kill_process(self.0, Signal::CONT);
    }
}

/// Returns whether a process exists and is not a zombie.
#[must_use]
pub fn alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.trim().is_empty() && !rest.trim().starts_with('Z'))
}

/// A process in its own group, which is killed when this is dropped. Its standard input ends with
/// the test.
#[derive(Debug)]
pub struct Process {
    child: Child,
    group: Pid,
}

impl Process {
    /// Starts a command with its output in `log`.
    #[must_use]
    pub fn start(command: &mut Command, log: &Path) -> Self {
        let log = File::create(log).unwrap();
        let child = command
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .process_group(0)
            .spawn()
            .unwrap();
        let group = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        Self { child, group }
    }

    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns the exit status if the process has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Asks the process to stop, and waits for it.
    ///
    /// # Panics
    /// Panics if it takes longer than `limit`.
    pub fn stop(mut self, limit: Duration) -> ExitStatus {
        kill_process(self.group, Signal::TERM).unwrap();
        let started = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                return status;
            }
            assert!(started.elapsed() < limit, "the process did not stop within {limit:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Kills only the process itself, at once. Its children have to notice.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The group may have ended already.
        let _ = kill_process_group(self.group, Signal::KILL);
        let _ = self.child.wait();
    }
}
