//! A server's process, from its start to its end.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

const START_TIMEOUT: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// A process in its own group, which is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    group: Pid,
}

impl Process {
    /// Starts a server with its output in `log`, and waits until it is ready.
    ///
    /// # Panics
    /// Panics with the log if the server ends or is not ready in time.
    pub(crate) fn start(command: &mut Command, log: &Path, ready: impl Fn() -> bool) -> Self {
        let output = File::options().create(true).append(true).open(log).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .process_group(0)
            .spawn()
            .unwrap();
        let group = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        let mut process = Self { child, group };
        let started = Instant::now();
        while !ready() {
            let ended = process.child.try_wait().unwrap();
            assert!(
                ended.is_none() && started.elapsed() < START_TIMEOUT,
                "the server did not start:\n{}",
                std::fs::read_to_string(log).unwrap_or_default()
            );
            sleep(POLL_INTERVAL);
        }
        process
    }

    pub(crate) fn kill(mut self) {
        self.end();
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.group, signal).unwrap();
    }

    fn end(&mut self) {
        // A stopped process starts no more children. Those of Postgres have groups of their own, and
        // would go on until they notice the end of their parent.
        let _ = kill_process(self.group, Signal::STOP);
        let children = children(self.group);
        // The group may have ended already.
        let _ = kill_process_group(self.group, Signal::KILL);
        for child in &children {
            let _ = kill_process(*child, Signal::KILL);
        }
        let _ = self.child.wait();
        let ended = Instant::now();
        while children.iter().any(|child| runs(*child)) && ended.elapsed() < START_TIMEOUT {
            sleep(POLL_INTERVAL);
        }
    }
}

/// Returns the child processes, where the system lists them.
fn children(of: Pid) -> Vec<Pid> {
    let of = of.as_raw_nonzero();
    let list = std::fs::read_to_string(format!("/proc/{of}/task/{of}/children")).unwrap_or_default();
    list.split_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)).collect()
}

/// Returns whether a process exists and is not a zombie.
fn runs(process: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero()));
    let stat = stat.unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.trim().is_empty() && !rest.trim().starts_with('Z'))
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}
