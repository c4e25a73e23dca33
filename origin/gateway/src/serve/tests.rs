use std::net::SocketAddr;

use axum::Extension;
use axum::body::Body;
use axum::routing::{get, post};
use bytes::Bytes;
use futures::stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use super::*;
use crate::limits::SharedLimit;

/// Much more than the system buffers for a peer that does not read.
const LARGE: usize = 64 * 1024 * 1024;

struct TestServer {
    address: SocketAddr,
    stop: CancellationToken,
    serving: tokio::task::JoinHandle<TaskTracker>,
}

impl TestServer {
    async fn open(most: usize) -> Self {
        let router = Router::new()
            .route("/whole", get(async || Bytes::from(vec![b'x'; LARGE])))
            .route(
                "/own",
                get(async |identity: Extension<RequestIdentity>| {
                    identity.authenticate(&"a".parse().unwrap());
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
            .route(
                "/known",
                get(async |identity: Extension<RequestIdentity>| {
                    identity.authenticate(&"a".parse().unwrap())
                }),
            )
            .route("/body", post(async |body: Bytes| body));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let until = stop.clone();
        let unread = UnreadBytes::new(SharedLimit { all: 3 * LARGE, of_tenant: 2 * LARGE });
        let router = TowerToHyperService::new(router);
        let server = HttpServer {
            guard: None,
            router,
            connections: Connections::new(most),
            unread,
            metrics: HttpMetrics::default(),
        };
        let serving = tokio::spawn(async move { server.accept(listener, &until).await });
        Self { address, stop, serving }
    }

    async fn ask(&self, path: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        stream
    }

    /// Sends bytes and returns everything that the server sends until it closes the connection.
    async fn answer(&self, bytes: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    /// Waits for the open connections to end.
    async fn ended(self) {
        self.stop.cancel();
        self.serving.await.unwrap().wait().await;
    }
}

/// Returns whether the server has closed the connection.
async fn is_closed(stream: &mut TcpStream) -> bool {
    !matches!(stream.read(&mut [0; 1024]).await, Ok(1..))
}

#[tokio::test]
async fn unread_responses_are_dropped_whole_or_streamed() {
    let server = TestServer::open(8).await;
    let mut unread = Vec::new();
    for path in ["/whole", "/stream"] {
        let mut stream = server.ask(path).await;
        // The response has begun.
        stream.read_exact(&mut [0; 12]).await.unwrap();
        unread.push(stream);
    }
    tokio::time::pause();
    let began = Instant::now();
    server.ended().await;
    let took = began.elapsed();
    assert!(took <= cortex_platform::write_timeout::STALL_TIMEOUT + Duration::from_secs(1), "{took:?}");
    drop(unread);
}

#[tokio::test]
async fn a_tenant_with_too_many_unread_responses_gets_no_more() {
    let server = TestServer::open(8).await;
    let mut unread = Vec::new();
    for expected in ["200", "200", "429"] {
        let mut stream = server.ask("/own").await;
        let mut head = [0; 12];
        stream.read_exact(&mut head).await.unwrap();
        assert_eq!(std::str::from_utf8(&head).unwrap(), format!("HTTP/1.1 {expected}"));
        unread.push(stream);
    }
    drop(unread);
    let mut rest = vec![0; LARGE];
    let again = async {
        loop {
            let mut stream = server.ask("/own").await;
            stream.read_exact(&mut rest[..12]).await.unwrap();
            if rest.starts_with(b"HTTP/1.1 200") {
                return stream.read_exact(&mut rest).await.unwrap();
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), again).await.expect("dropped responses no longer count");
}

#[tokio::test]
async fn unauthenticated_connections_make_room_for_new_ones_and_others_do_not() {
    let server = TestServer::open(2).await;
    let mut known = server.ask("/known").await;
    known.read_exact(&mut [0; 12]).await.unwrap();
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    let mut newest = server.ask("/known").await;
    newest.read_exact(&mut [0; 12]).await.unwrap();
    assert!(is_closed(&mut silent).await);
    let mut refused = TcpStream::connect(server.address).await.unwrap();
    assert!(is_closed(&mut refused).await);
    known.write_all(b"GET /known HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut rest = String::new();
    known.read_to_string(&mut rest).await.unwrap();
    assert!(rest.contains("HTTP/1.1 200"), "{rest}");
}

#[tokio::test]
async fn a_head_that_never_ends_times_out() {
    let server = TestServer::open(2).await;
    let mut half = TcpStream::connect(server.address).await.unwrap();
    half.write_all(b"GET /known HTTP/1.1\r\nhost:").await.unwrap();
    let mut other = server.ask("/known").await;
    other.read_exact(&mut [0; 12]).await.unwrap();
    tokio::time::pause();
    let began = Instant::now();
    assert!(is_closed(&mut half).await);
    assert!(began.elapsed() <= HEAD_TIMEOUT + Duration::from_secs(1));
}

#[tokio::test]
async fn an_invalid_head_is_rejected_and_ends_its_connection() {
    let server = TestServer::open(8).await;
    for (head, expected) in [
        ("GET /known HTTP/1.1\nhost: x\n\n", "does not end with CR and LF"),
        ("GET /known HTTP/1.1\r\n\r\n", "invalid header `Host`"),
        ("GET /known HTTP/1.0\r\n\r\n", "invalid header `Host`"),
        ("GET http://x/known HTTP/1.1\r\nhost: x\r\n\r\n", "invalid request target"),
        ("GET /known HTTP/1.1\r\nhost: x\r\na : b\r\n\r\n", "invalid head"),
    ] {
        let answer = server.answer(head).await;
        assert!(answer.starts_with("HTTP/1.1 400 ") || answer.starts_with("HTTP/1.0 400 "), "{answer}");
        assert!(answer.contains("application/problem+json") && answer.contains(expected), "{answer}");
    }
}

#[tokio::test]
async fn an_ambiguous_request_is_rejected_after_the_response_to_the_one_before() {
    let server = TestServer::open(8).await;
    let first = "GET /known HTTP/1.1\r\nhost: x\r\n\r\n";
    for (framing, expected) in [
        ("content-length: 5\r\ntransfer-encoding: chunked", "both `Content-Length` and `Transfer-Encoding`"),
        ("transfer-encoding: chunked\r\ncontent-length: 5", "both `Content-Length` and `Transfer-Encoding`"),
        ("content-length: 5\r\ncontent-length: 5", "duplicate header `Content-Length`"),
        ("transfer-encoding: gzip, chunked", "invalid header `Transfer-Encoding`"),
    ] {
        let bad = format!("POST /body HTTP/1.1\r\nhost: x\r\n{framing}\r\n\r\n0\r\n\r\n");
        let answer = server.answer(&format!("{first}{bad}{first}")).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{framing}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 2, "{framing}: {answer}");
        let refusal = answer.split_once("HTTP/1.1 400 ").map_or("", |(_, refusal)| refusal);
        assert!(refusal.contains("application/problem+json"), "{framing}: {answer}");
        assert!(refusal.contains(expected), "{answer}");
    }
}

#[tokio::test]
async fn a_malformed_or_long_head_is_rejected_by_the_library() {
    let server = TestServer::open(8).await;
    let headers = |number| format!("GET /known HTTP/1.1\r\nhost: x\r\n{}\r\n", "a: b\r\n".repeat(number - 1));
    let endless = format!("GET /known HTTP/1.1\r\nhost: x\r\na: {}", "x".repeat(MAX_HEAD));
    for (bytes, status) in [
        ("GARBAGE\r\n\r\n", "HTTP/1.1 400 "),
        ("GET /known HTTP/2.0\r\nhost: x\r\n\r\n", "HTTP/1.1 400 "),
        (&headers(cortex_http1::MAX_HEADERS + 1), "HTTP/1.1 431 "),
        (&endless[..MAX_HEAD], "HTTP/1.1 431 "),
    ] {
        let answer = server.answer(bytes).await;
        assert!(answer.starts_with(status), "{bytes:.80}: {answer}");
    }
    let answer = server.answer("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert_eq!(answer, "", "a client of HTTP/2 is disconnected");
}

#[tokio::test]
async fn a_head_over_the_limit_is_rejected_even_if_it_arrives_whole() {
    let server = TestServer::open(8).await;
    let long = "x".repeat(MAX_HEAD + 4096);
    let framing = "content-length: 5\r\ntransfer-encoding: chunked";
    let request = format!("POST /body HTTP/1.1\r\nhost: x\r\na: {long}\r\n{framing}\r\n\r\n0\r\n\r\n");
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A server that closes with unread bytes may reset the connection before the client reads the
    // response.
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test]
async fn a_chunked_body_is_read_to_its_end_or_rejected() {
    let server = TestServer::open(8).await;
    let head = "POST /body HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: \
        chunked\r\n\r\n";
    let sound = server.answer(&format!("{head}3;a=b\r\nabc\r\n1\r\nd\r\n0\r\na: b\r\n\r\n")).await;
    assert!(sound.starts_with("HTTP/1.1 200 ") && sound.ends_with("abcd"), "{sound}");
    for body in ["x\r\n", "3\r\nabcd", "3\nabc\n"] {
        let answer = server.answer(&format!("{head}{body}")).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{body}: {answer}");
    }
}
