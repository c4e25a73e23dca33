//! The pipe by which a supervisor holds its worker: it closes when the supervisor ends, however it ends.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::thread;

use tokio_util::sync::CancellationToken;

/// Cancelled once the other end of standard input is closed. Where standard input is no pipe, nobody holds it.
///
/// # Errors
/// If standard input can't be looked at.
pub(crate) fn watch() -> io::Result<CancellationToken> {
    let orphaned = CancellationToken::new();
    let mut input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    if input.metadata()?.file_type().is_fifo() {
        let cut = orphaned.clone();
        // A thread of its own, since it can't be stopped: the runtime would wait for its.
        thread::Builder::new().name("lifeline".to_owned()).spawn(move || {
            let mut ignored = [0; 64];
            while input.read(&mut ignored).is_ok_and(|read| read > 0) {}
            cut.cancel();
        })?;
    }
    Ok(orphaned)
}
