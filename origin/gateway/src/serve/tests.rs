use std::net::SocketAddr;

use axum::Extension;
use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use futures::stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use super::*;
use crate::limits::Share;

/// Far more than the system holds for a peer that does not read.
const LARGE: usize = 64 * 1024 * 1024;

struct Opened {
    address: SocketAddr,
    stop: CancellationToken,
    serving: tokio::task::JoinHandle<TaskTracker>,
}

impl Opened {
    async fn open(most: usize) -> Self {
        let router = Router::new()
            .route("/whole", get(async || Bytes::from(vec![b'x'; LARGE])))
            .route(
                "/own",
                get(async |vouch: Extension<Vouch>| {
                    vouch.known(&"a".parse().unwrap());
                    Bytes::from(vec![b'x'; LARGE])
                }),
            )
            .route(
                "/stream",
                get(async || {
                    let piece = || Ok::<_, std::convert::Infallible>(Bytes::from(vec![b'x'; 4096]));
                    Body::from_stream(stream::repeat_with(piece))
                }),
            )
            .route("/known", get(async |vouch: Extension<Vouch>| vouch.known(&"a".parse().unwrap())));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let until = stop.clone();
        let unread = Unread::new(Share { all: 3 * LARGE, of_tenant: 2 * LARGE });
        let router = TowerToHyperService::new(router);
        let door = Door { rule: None, router, connections: Connections::new(most), unread };
        let serving = tokio::spawn(async move { door.accept(listener, &until).await });
        Self { address, stop, serving }
    }

    async fn ask(&self, path: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        stream
    }

    /// Waits for the connections that are open to end.
    async fn ended(self) {
        self.stop.cancel();
        self.serving.await.unwrap().wait().await;
    }
}

/// Whether the other end has closed.
async fn is_closed(stream: &mut TcpStream) -> bool {
    !matches!(stream.read(&mut [0; 1024]).await, Ok(1..))
}

#[tokio::test]
async fn answers_that_nobody_reads_are_dropped_whatever_their_kind() {
    let door = Opened::open(8).await;
    let mut unread = Vec::new();
    for path in ["/whole", "/stream"] {
        let mut stream = door.ask(path).await;
        // The answer has begun.
        stream.read_exact(&mut [0; 12]).await.unwrap();
        unread.push(stream);
    }
    tokio::time::pause();
    let began = Instant::now();
    door.ended().await;
    let took = began.elapsed();
    assert!(took <= cortex_fabric::write_timeout::STALLED + Duration::from_secs(1), "{took:?}");
    drop(unread);
}

#[tokio::test]
async fn a_tenant_that_reads_none_of_its_answers_gets_no_more_of_them() {
    let door = Opened::open(8).await;
    let mut unread = Vec::new();
    for expected in ["200", "200", "429"] {
        let mut stream = door.ask("/own").await;
        let mut head = [0; 12];
        stream.read_exact(&mut head).await.unwrap();
        assert_eq!(std::str::from_utf8(&head).unwrap(), format!("HTTP/1.1 {expected}"));
        unread.push(stream);
    }
    drop(unread);
    let mut rest = vec![0; LARGE];
    let again = async {
        loop {
            let mut stream = door.ask("/own").await;
            stream.read_exact(&mut rest[..12]).await.unwrap();
            if rest.starts_with(b"HTTP/1.1 200") {
                return stream.read_exact(&mut rest).await.unwrap();
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), again).await.expect("what was given up counts no more");
}

#[tokio::test]
async fn unknown_connections_make_room_for_new_ones_and_known_ones_do_not() {
    let door = Opened::open(2).await;
    let mut known = door.ask("/known").await;
    known.read_exact(&mut [0; 12]).await.unwrap();
    let mut silent = TcpStream::connect(door.address).await.unwrap();
    let mut newest = door.ask("/known").await;
    newest.read_exact(&mut [0; 12]).await.unwrap();
    assert!(is_closed(&mut silent).await);
    let mut refused = TcpStream::connect(door.address).await.unwrap();
    assert!(is_closed(&mut refused).await);
    known.write_all(b"GET /known HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut rest = String::new();
    known.read_to_string(&mut rest).await.unwrap();
    assert!(rest.contains("HTTP/1.1 200"), "{rest}");
}

#[tokio::test]
async fn a_head_that_never_ends_is_not_waited_for() {
    let door = Opened::open(2).await;
    let mut half = TcpStream::connect(door.address).await.unwrap();
    half.write_all(b"GET /known HTTP/1.1\r\nhost:").await.unwrap();
    let mut other = door.ask("/known").await;
    other.read_exact(&mut [0; 12]).await.unwrap();
    tokio::time::pause();
    let began = Instant::now();
    assert!(is_closed(&mut half).await);
    assert!(began.elapsed() <= HEAD + Duration::from_secs(1));
}
