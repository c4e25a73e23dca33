//! Keeps a child running: restarts it, with backoff, when it ends or stops responding.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use cortex_domain::backoff::Backoff;
use cortex_platform::entropy;
use cortex_platform::exit::Exit;
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use super::child::Child;

/// The delay between the starts of a child.
const BACKOFF: Backoff = Backoff { first: Duration::from_millis(200), longest: Duration::from_secs(10) };
/// After a child has run this long, its next restart has the shortest delay again.
const STABLE_PERIOD: Duration = Duration::from_secs(30);

/// How one run of a child ended.
enum ChildExit {
    Stopped,
    Exited(io::Result<ExitStatus>),
    Unresponsive,
}

/// Runs `command` until `stop`. Restarts the child when `unresponsive`, which is called once per
/// run, returns.
pub(crate) async fn supervise(
    name: String,
    log: PathBuf,
    command: impl Fn() -> Command + Send,
    unresponsive: impl AsyncFn(),
    stop: CancellationToken,
) {
    let mut failures = 0_u32;
    while !stop.is_cancelled() {
        let started = Instant::now();
        match Child::start(command(), &log) {
            Ok(mut child) => {
                let ended = tokio::select! {
                    () = stop.cancelled() => ChildExit::Stopped,
                    ended = child.ended() => ChildExit::Exited(ended),
                    () = unresponsive() => ChildExit::Unresponsive,
                };
                match ended {
                    ChildExit::Stopped => return child.stop().await,
                    ChildExit::Exited(Ok(status)) if status.code() == Some(Exit::Config.code().into()) => {
                        // A restart would end the same way.
                        tracing::error!(name, log = %log.display(), "a child has an invalid configuration; not restarting it");
                        return;
                    }
                    ChildExit::Exited(Ok(status)) => {
                        tracing::warn!(name, %status, log = %log.display(), "restarting a child that ended");
                    }
                    ChildExit::Exited(Err(error)) => {
                        tracing::warn!(name, %error, "restarting a child that can't be waited for");
                    }
                    ChildExit::Unresponsive => {
                        tracing::warn!(name, log = %log.display(), "restarting a child that does not respond");
                        child.kill().await;
                    }
                }
            }
            Err(error) => tracing::error!(name, %error, "can't start a child"),
        }
        failures = if started.elapsed() >= STABLE_PERIOD { 1 } else { failures.saturating_add(1) };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(BACKOFF.wait(failures, entropy::fraction())) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncBufReadExt;
    use tokio::net::UnixListener;

    use super::*;

    #[tokio::test]
    async fn an_unresponsive_child_is_killed_and_restarted() {
        let folder = tempfile::tempdir().unwrap();
        let socket = UnixListener::bind(folder.path().join("started")).unwrap();
        let stop = CancellationToken::new();
        let (path, log) = (folder.path().to_owned(), folder.path().join("log"));
        // It sends its process id and then ignores every signal but a kill.
        let script = "import os, signal, socket, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); \
            s = socket.socket(socket.AF_UNIX); s.connect('started'); s.send(b'%d\\n' % os.getpid()); time.sleep(1000)";
        let command = move || {
            let mut command = Command::new("python3");
            command.args(["-c", script]).current_dir(&path);
            command
        };
        let (silent, silence) = tokio::sync::mpsc::channel::<()>(1);
        let silence = tokio::sync::Mutex::new(silence);
        let silence = async move || {
            silence.lock().await.recv().await;
        };
        let supervised = tokio::spawn(supervise("test".into(), log, command, silence, stop.clone()));

        let mut pids = Vec::new();
        for _ in 0..2 {
            let (stream, _) = socket.accept().await.unwrap();
            let mut line = String::new();
            tokio::io::BufReader::new(stream).read_line(&mut line).await.unwrap();
            pids.push(line.trim().parse::<i32>().unwrap());
            silent.send(()).await.unwrap();
        }
        let first = rustix::process::Pid::from_raw(pids[0]).unwrap();
        assert!(rustix::process::test_kill_process(first).is_err(), "the first one is gone");
        assert_ne!(pids[0], pids[1]);
        stop.cancel();
        drop(silent);
        supervised.abort();
    }
}
