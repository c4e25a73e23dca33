//! Keeps a child running: starts it again, with backoff, when it ends or falls silent.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use super::child::Child;

const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// A child that ran so long has earned a quick start.
const SOUND: Duration = Duration::from_secs(30);

/// How one run of a child ended.
enum Ended {
    Stopped,
    Exited(io::Result<ExitStatus>),
    Silent,
}

/// Runs `command` until `stop`. A child counts as silent when `silence` resolves, which is called once per run.
pub(crate) async fn supervise(
    name: String,
    log: PathBuf,
    command: impl Fn() -> Command + Send,
    silence: impl AsyncFn(),
    stop: CancellationToken,
) {
    let mut wait = FIRST_WAIT;
    while !stop.is_cancelled() {
        let started = Instant::now();
        match Child::start(command(), &log) {
            Ok(mut child) => {
                let ended = tokio::select! {
                    () = stop.cancelled() => Ended::Stopped,
                    ended = child.ended() => Ended::Exited(ended),
                    () = silence() => Ended::Silent,
                };
                match ended {
                    Ended::Stopped => return child.stop().await,
                    Ended::Exited(Ok(status)) if status.code() == Some(cortex_config::EX_CONFIG.into()) => {
                        // It would end the same way again.
                        tracing::error!(name, log = %log.display(), "a child can't use its configuration");
                        return;
                    }
                    Ended::Exited(Ok(status)) => {
                        tracing::warn!(name, %status, log = %log.display(), "a child ended and is started again");
                    }
                    Ended::Exited(Err(error)) => {
                        tracing::warn!(name, %error, "a child was lost and is started again");
                    }
                    Ended::Silent => {
                        tracing::warn!(name, log = %log.display(), "a child does not answer and is started again");
                        child.kill().await;
                    }
                }
            }
            Err(error) => tracing::error!(name, %error, "a child could not be started"),
        }
        if started.elapsed() >= SOUND {
            wait = FIRST_WAIT;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}
