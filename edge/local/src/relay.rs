//! Forwards TCP connections to the Worker's Unix socket and back.
//!
//! Only well-formed requests pass ([`Requests`]). workerd does not notice that a TCP client has
//! disconnected until it writes to it, so a call would continue without its client. It notices the
//! end of a Unix connection at once. The relay also sets limits that workerd does not have: the
//! number of connections, and how long a peer may read nothing.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cortex_api::{Problem, Shape};
use cortex_domain::ErrorCode;
use cortex_http1::Requests;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::requests::{RULES, refusal};

/// The size of the buffer for each direction of each connection.
const BUFFER_BYTES: usize = 16 << 10;
/// How long to wait after a failed accept, for example when file descriptors run out.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(50);
const CONNECT_INTERVAL: Duration = Duration::from_millis(20);
/// How long and how much a rejected client may still send, so that it can read the response.
const LINGER_TIMEOUT: Duration = Duration::from_secs(1);
const MAX_LINGER_BYTES: usize = 256 << 10;

/// The limits of the relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Maximum number of open connections. A further one gets a 503 response and is closed.
    pub max_connections: usize,
    /// After this time without reading, a peer is disconnected.
    pub write_timeout: Duration,
    /// How long a connection waits for a Worker that is starting.
    pub connect_timeout: Duration,
    /// How long open connections may continue once the relay stops.
    pub drain_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 1024,
            write_timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(5),
            drain_timeout: Duration::from_secs(5),
        }
    }
}

/// Forwards every connection of `listener` to the Worker on `socket`, until `stop`. Open
/// connections may then end by themselves before they are closed.
pub async fn relay(listener: TcpListener, socket: PathBuf, limits: Limits, stop: CancellationToken) {
    let (tasks, places) = (TaskTracker::new(), Arc::new(Semaphore::new(limits.max_connections)));
    let (socket, cut): (Arc<Path>, _) = (socket.into(), CancellationToken::new());
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let client = match accepted {
            Ok((client, _)) => client,
            Err(error) => {
                tracing::warn!(%error, "a connection to the edge could not be accepted");
                sleep(ACCEPT_BACKOFF).await;
                continue;
            }
        };
        match places.clone().try_acquire_owned() {
            Ok(place) => {
                let (socket, cut) = (socket.clone(), cut.clone());
                tasks.spawn(
                    async move { cut.run_until_cancelled(serve(client, &socket, limits, place)).await },
                );
            }
            // The response fits into the kernel's buffer.
            Err(_) => drop(client.try_write(&response(&full()))),
        }
    }
    drop(listener);
    tasks.close();
    if timeout(limits.drain_timeout, tasks.wait()).await.is_err() {
        cut.cancel();
        tasks.wait().await;
    }
}

async fn serve(client: TcpStream, socket: &Path, limits: Limits, _place: OwnedSemaphorePermit) {
    if let Err(error) = carry(client, socket, limits).await {
        tracing::debug!(%error, "a connection to the edge ended");
    }
}

async fn carry(mut client: TcpStream, socket: &Path, limits: Limits) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut worker = connect(socket, limits.connect_timeout).await?;
    let (from_client, mut to_client) = client.split();
    let (from_worker, to_worker) = worker.split();
    let mut requests = Requests::new(RULES);
    let sent = tokio::select! {
        sent = send(from_client, to_worker, &mut requests, limits.write_timeout) => sent?,
        answered = copy(from_worker, &mut to_client, limits.write_timeout) => {
            answered?;
            return to_client.shutdown().await;
        }
    };
    drop(worker);
    match sent {
        // If a response may be in flight, another one can't be sent.
        RequestsEnd::Malformed(problem) if !requests.has_passed_any() => {
            refuse(client, &problem, limits).await
        }
        // A client that has closed its sending side has disconnected. HTTP has no half-closed
        // clients that wait.
        RequestsEnd::Malformed(_) | RequestsEnd::All => Ok(()),
    }
}

/// How a client's requests ended.
enum RequestsEnd {
    All,
    Malformed(Problem),
}

async fn send(
    mut client: impl AsyncRead + Unpin,
    mut worker: impl AsyncWrite + Unpin,
    requests: &mut Requests,
    write_timeout: Duration,
) -> io::Result<RequestsEnd> {
    let (mut buffer, mut passed) = (vec![0; BUFFER_BYTES], Vec::new());
    loop {
        let length = client.read(&mut buffer).await?;
        if length == 0 {
            return Ok(RequestsEnd::All);
        }
        passed.clear();
        if let Err(fault) = requests.take(&buffer[..length], &mut passed) {
            return Ok(RequestsEnd::Malformed(refusal(fault)));
        }
        write(&mut worker, &passed, write_timeout).await?;
    }
}

async fn refuse(mut client: TcpStream, problem: &Problem, limits: Limits) -> io::Result<()> {
    write(&mut client, &response(problem), limits.write_timeout).await?;
    client.shutdown().await?;
    let rest = async {
        let (mut left, mut buffer) = (MAX_LINGER_BYTES, vec![0; BUFFER_BYTES]);
        while left > 0
            && let Ok(length @ 1..) = client.read(&mut buffer).await
        {
            left = left.saturating_sub(length);
        }
    };
    drop(timeout(LINGER_TIMEOUT, rest).await);
    Ok(())
}

fn full() -> Problem {
    let detail = "too many connections are open: try again";
    Problem::new(ErrorCode::Unavailable, detail).retry_after(Duration::from_secs(1))
}

/// Returns a complete response, after which the connection is closed.
fn response(problem: &Problem) -> Vec<u8> {
    let rendered = problem.render(Shape::Problem);
    let reason =
        http::StatusCode::from_u16(rendered.status).ok().and_then(|status| status.canonical_reason());
    let wait = problem.wait().map_or(String::new(), |wait| format!("retry-after: {}\r\n", wait.as_secs()));
    let head = format!(
        "HTTP/1.1 {} {}\r\ncontent-type: {}\r\ncontent-length: {}\r\n{wait}cache-control: no-store\r\n\
         x-content-type-options: nosniff\r\nconnection: close\r\n\r\n",
        rendered.status,
        reason.unwrap_or_default(),
        rendered.content_type,
        rendered.body.len(),
    );
    [head.into_bytes(), rendered.body.into_bytes()].concat()
}

async fn connect(socket: &Path, limit: Duration) -> io::Result<UnixStream> {
    let started = Instant::now();
    loop {
        match UnixStream::connect(socket).await {
            Err(_) if started.elapsed() < limit => sleep(CONNECT_INTERVAL).await,
            connected => return connected,
        }
    }
}

/// Copies bytes until the reader ends.
async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    write_timeout: Duration,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        write(&mut to, &buffer[..length], write_timeout).await?;
    }
}

/// Writes bytes to a peer that must read some of them in each `limit`.
async fn write(to: &mut (impl AsyncWrite + Unpin), mut bytes: &[u8], limit: Duration) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = timeout(limit, to.write(bytes)).await??;
        bytes = &bytes[written..];
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::net::UnixListener;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(20);
    const ASK: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";

    struct Relay {
        _folder: tempfile::TempDir,
        worker: UnixListener,
        port: u16,
        stop: CancellationToken,
    }

    async fn started(limits: Limits) -> Relay {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("edge.sock");
        let worker = UnixListener::bind(&socket).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, stop) = (listener.local_addr().unwrap().port(), CancellationToken::new());
        tokio::spawn(relay(listener, socket, limits, stop.clone()));
        Relay { _folder: folder, worker, port, stop }
    }

    impl Relay {
        async fn client(&self) -> TcpStream {
            TcpStream::connect(("127.0.0.1", self.port)).await.unwrap()
        }

        async fn accepted(&self) -> UnixStream {
            timeout(LIMIT, self.worker.accept()).await.unwrap().unwrap().0
        }
    }

    #[tokio::test]
    async fn bytes_pass_both_ways_and_the_worker_ends_the_clients_connection() {
        let relay = started(Limits::default()).await;
        let mut client = relay.client().await;
        client.write_all(ASK).await.unwrap();
        let mut worker = relay.accepted().await;
        let mut asked = [0; ASK.len()];
        worker.read_exact(&mut asked).await.unwrap();
        worker.write_all(b"answer").await.unwrap();
        drop(worker);
        let mut answer = String::new();
        timeout(LIMIT, client.read_to_string(&mut answer)).await.unwrap().unwrap();
        assert_eq!((&asked[..], answer.as_str()), (ASK, "answer"));
    }

    #[tokio::test]
    async fn a_client_that_leaves_ends_the_workers_connection() {
        let relay = started(Limits::default()).await;
        let mut client = relay.client().await;
        client.write_all(ASK).await.unwrap();
        let mut worker = relay.accepted().await;
        worker.read_exact(&mut [0; ASK.len()]).await.unwrap();
        client.shutdown().await.unwrap();
        assert_eq!(timeout(LIMIT, worker.read(&mut [0; 1])).await.unwrap().unwrap(), 0);
        let gone = timeout(LIMIT, async { while worker.write_all(b"more").await.is_ok() {} }).await;
        assert!(gone.is_ok(), "what the Worker writes goes nowhere");
    }

    #[tokio::test]
    async fn a_client_that_reads_nothing_is_disconnected() {
        let relay = started(Limits { write_timeout: Duration::from_millis(50), ..Limits::default() }).await;
        let client = relay.client().await;
        let mut worker = relay.accepted().await;
        let part = vec![0; 1 << 20];
        let cut = timeout(LIMIT, async { while worker.write_all(&part).await.is_ok() {} }).await;
        assert!(cut.is_ok(), "the connection stays open");
        drop(client);
    }

    #[tokio::test]
    async fn a_malformed_request_is_refused_and_reaches_no_worker() {
        let relay = started(Limits::default()).await;
        let mut client = relay.client().await;
        client
            .write_all(b"GET / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\na")
            .await
            .unwrap();
        let mut worker = relay.accepted().await;
        assert_eq!(timeout(LIMIT, worker.read(&mut [0; 1])).await.unwrap().unwrap(), 0);
        let mut answer = String::new();
        timeout(LIMIT, client.read_to_string(&mut answer)).await.unwrap().unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 400 Bad Request\r\n")
                && answer.contains("duplicate header `Content-Length`"),
            "{answer}"
        );
    }

    #[tokio::test]
    async fn no_error_interrupts_a_response() {
        let relay = started(Limits::default()).await;
        let mut client = relay.client().await;
        client.write_all(ASK).await.unwrap();
        let mut worker = relay.accepted().await;
        worker.read_exact(&mut [0; ASK.len()]).await.unwrap();
        worker.write_all(b"half an answ").await.unwrap();
        client.read_exact(&mut [0; 12]).await.unwrap();
        client.write_all(b"GARBAGE\r\n\r\n").await.unwrap();
        let mut rest = Vec::new();
        let _ = timeout(LIMIT, client.read_to_end(&mut rest)).await.unwrap();
        assert_eq!(rest, b"");
    }

    #[tokio::test]
    async fn a_connection_over_the_limit_gets_an_error() {
        let relay = started(Limits { max_connections: 1, ..Limits::default() }).await;
        let first = relay.client().await;
        let _held = relay.accepted().await;
        let mut answer = String::new();
        timeout(LIMIT, relay.client().await.read_to_string(&mut answer)).await.unwrap().unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(
            head.starts_with("HTTP/1.1 503 ") && head.contains(&format!("content-length: {}", body.len())),
            "{answer}"
        );
        drop(first);
    }

    #[tokio::test]
    async fn a_connection_waits_for_a_worker_that_starts() {
        let relay = started(Limits { drain_timeout: Duration::from_millis(10), ..Limits::default() }).await;
        let Relay { _folder: folder, worker, port, stop } = relay;
        drop(worker);
        std::fs::remove_file(folder.path().join("edge.sock")).unwrap();
        let mut client = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        client.write_all(ASK).await.unwrap();
        let worker = UnixListener::bind(folder.path().join("edge.sock")).unwrap();
        let (mut worker, _) = timeout(LIMIT, worker.accept()).await.unwrap().unwrap();
        worker.read_exact(&mut [0; ASK.len()]).await.unwrap();
        stop.cancel();
        assert_eq!(timeout(LIMIT, client.read(&mut [0; 1])).await.unwrap().unwrap_or(0), 0);
    }
}
