//! The pipe through which a worker learns that its supervisor has ended, for any reason.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::thread;

use tokio_util::sync::CancellationToken;

/// Returns a token that is cancelled when the other end of standard input is closed. If standard
/// input is no pipe, it is never cancelled.
///
/// # Errors
///
/// Returns an error if standard input can't be inspected.
pub(crate) fn watch() -> io::Result<CancellationToken> {
    let orphaned = CancellationToken::new();
    let mut input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    if input.metadata()?.file_type().is_fifo() {
        let cut = orphaned.clone();
        // This needs a thread of its own, because a blocked read can't be stopped and the runtime
        // would wait for it.
        thread::Builder::new().name("lifeline".to_owned()).spawn(move || {
            let mut ignored = [0; 64];
            while input.read(&mut ignored).is_ok_and(|read| read > 0) {}
            cut.cancel();
        })?;
    }
    Ok(orphaned)
}
