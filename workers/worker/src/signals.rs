//! Signals of the system.

use std::io;

use cortex_platform::exit::Exit;
use cortex_platform::signals::Signals;
use tokio_util::sync::CancellationToken;

/// The first SIGTERM or SIGINT drains the worker, the second ends it at once.
///
/// # Errors
/// Returns an error if the signals can't be listened for.
pub(crate) fn drain_on(shutdown: CancellationToken) -> io::Result<()> {
    let mut signals = Signals::listen()?;
    tokio::spawn(async move {
        signals.any().await;
        shutdown.cancel();
        signals.any().await;
        std::process::exit(Exit::Negative.code().into());
    });
    Ok(())
}
