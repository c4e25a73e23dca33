//! Keeps a child running: started again with backoff when it ends.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use super::child::Child;

const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// A child that ran so long has earned a quick start.
const SOUND: Duration = Duration::from_secs(30);

/// Runs `command` until `stop`.
pub(crate) async fn supervise(
    name: String,
    log: PathBuf,
    command: impl Fn() -> Command + Send,
    stop: CancellationToken,
) {
    let mut wait = FIRST_WAIT;
    while !stop.is_cancelled() {
        let started = Instant::now();
        match Child::start(command(), &log) {
            Ok(mut child) => {
                let ended = tokio::select! {
                    () = stop.cancelled() => None,
                    ended = child.ended() => Some(ended),
                };
                let Some(ended) = ended else { return child.stop().await };
                match ended {
                    Ok(status) if status.code() == Some(cortex_config::EX_CONFIG.into()) => {
                        // It would end the same way again.
                        tracing::error!(name, log = %log.display(), "a child can't use its configuration");
                        return;
                    }
                    Ok(status) => {
                        tracing::warn!(name, %status, log = %log.display(), "a child ended and is started again")
                    }
                    Err(error) => tracing::warn!(name, %error, "a child was lost and is started again"),
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
