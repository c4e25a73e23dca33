//! Passes the metrics of a process to the process that started it, over a Unix socket. A connection
//! gets the text, and then the end of the stream.

use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::timeout;

/// How long one reading may take.
const READ_TIMEOUT: Duration = Duration::from_secs(1);
/// Maximum size of a text.
const MAX_BYTES: u64 = 8 * 1024 * 1024;
/// The pause after a connection that could not be accepted.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(200);

/// Opens a socket, in place of one that an earlier process left.
///
/// # Errors
/// Returns an error if the socket can't be made.
pub fn bind(path: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => UnixListener::bind(path),
    }
}

/// Sends the result of `text` to each connection, one after the other.
pub async fn serve(listener: UnixListener, text: impl Fn() -> String) {
    loop {
        match listener.accept().await {
            Ok((mut stream, _)) => {
                let text = text();
                match timeout(READ_TIMEOUT, stream.write_all(text.as_bytes())).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => tracing::debug!(%error, "the metrics could not be passed on"),
                    Err(_) => tracing::debug!("the reader of the metrics took too long"),
                }
            }
            Err(error) => {
                tracing::warn!(%error, "a reader of the metrics could not connect");
                tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
            }
        }
    }
}

/// Reads the metrics of the process that serves a socket.
///
/// # Errors
/// Returns an error if the process is not there, takes longer than a second, or sends more than
/// 8 MiB.
pub async fn read(path: &Path) -> io::Result<String> {
    let reading = async {
        let mut text = String::new();
        UnixStream::connect(path).await?.take(MAX_BYTES + 1).read_to_string(&mut text).await?;
        Ok::<_, io::Error>(text)
    };
    let text = timeout(READ_TIMEOUT, reading).await??;
    match text.len() as u64 {
        0..=MAX_BYTES => Ok(text),
        _ => Err(io::Error::new(io::ErrorKind::FileTooLarge, "the metrics have more than 8 MiB")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_reader_gets_the_text_and_one_that_never_reads_holds_up_others_for_a_second() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.sock");
        // A socket that an earlier process left.
        drop(UnixListener::bind(&path).unwrap());
        // More than the buffers of a connection hold.
        let text = "x".repeat(4 << 20);
        let serving = tokio::spawn(serve(bind(&path).unwrap(), {
            let text = text.clone();
            move || text.clone()
        }));
        assert_eq!(read(&path).await.unwrap(), text);
        let stuck = UnixStream::connect(&path).await.unwrap();
        let mut attempts = 0;
        while read(&path).await.is_err() {
            attempts += 1;
            assert!(attempts < 5, "the reader that never reads is not disconnected");
        }
        drop(stuck);
        serving.abort();
    }

    #[tokio::test]
    async fn a_process_that_is_not_there_or_sends_too_much_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.sock");
        assert_eq!(read(&path).await.unwrap_err().kind(), io::ErrorKind::NotFound);
        let serving = tokio::spawn(serve(bind(&path).unwrap(), || "x".repeat(9 << 20)));
        assert_eq!(read(&path).await.unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        serving.abort();
    }
}
