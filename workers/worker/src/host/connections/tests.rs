use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use cortex_inference::host::Access;
use futures::stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::Instant;

use super::*;
use cortex_platform::write_timeout::STALL_TIMEOUT;

const HOST: &str = "host: localhost:8082\r\n";

/// Routes with a short answer and an endless one.
fn routes() -> Router {
    let endless = || async {
        let pieces = stream::repeat_with(|| Ok::<_, io::Error>(Bytes::from_static(&[b'x'; 4096])));
        Body::from_stream(pieces)
    };
    let routes = Router::new().route("/short", get(|| async { "short" })).route("/endless", get(endless));
    Access::default().guard(8082, routes)
}

/// Opens a connection, and returns the task that serves it.
fn connect() -> (DuplexStream, tokio::task::JoinHandle<()>) {
    let (peer, stream) = duplex(64 * 1024);
    let (reader, writer) = tokio::io::split(stream);
    (peer, tokio::spawn(serve_one(reader, writer, routes(), CancellationToken::new())))
}

/// Returns everything that arrives until the connection closes.
async fn answer(mut peer: DuplexStream, sent: &[u8]) -> String {
    peer.write_all(sent).await.unwrap();
    let mut text = Vec::new();
    peer.read_to_end(&mut text).await.unwrap();
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn a_head_that_can_be_read_in_two_ways_is_refused_and_what_follows_it_dropped() {
    for framing in [
        "content-length: 5\r\ntransfer-encoding: chunked",
        "content-length: 5\r\ncontent-length: 5",
        "transfer-encoding: gzip, chunked",
        "host: localhost:8082",
        "x: a\ny: b",
    ] {
        let (peer, serving) = connect();
        let sent = format!(
            "GET /short HTTP/1.1\r\n{HOST}{framing}\r\n\r\n0\r\n\r\nGET /short HTTP/1.1\r\n{HOST}\r\n"
        );
        let text = answer(peer, sent.as_bytes()).await;
        assert!(text.starts_with("HTTP/1.1 400 "), "{framing}: {text}");
        assert!(text.contains("invalid-request") && !text.contains("200 OK"), "{framing}: {text}");
        serving.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_that_does_not_arrive_ends_its_connection() {
    for half in ["", "G", "GET /short HTTP/1.1\r\n", "GET /short HTTP/1.1\r\nhost: localhost:8082\r\nx"] {
        let (peer, serving) = connect();
        let began = Instant::now();
        let text = answer(peer, half.as_bytes()).await;
        assert!(!text.contains("200 OK"), "{half}: {text}");
        serving.await.unwrap();
        assert!(began.elapsed() <= HEAD_TIMEOUT + Duration::from_secs(1), "{half}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_that_comes_a_byte_at_a_time_has_no_more_time_than_any_other() {
    let (mut peer, serving) = connect();
    let began = Instant::now();
    let head = format!("GET /short HTTP/1.1\r\n{HOST}x-slow: {}", "x".repeat(100));
    for byte in head.bytes() {
        if peer.write_all(&[byte]).await.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    serving.await.unwrap();
    assert!(began.elapsed() <= HEAD_TIMEOUT + Duration::from_secs(2), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_after_its_answer() {
    let (peer, serving) = connect();
    let began = Instant::now();
    let text = answer(peer, format!("GET /short HTTP/1.1\r\n{HOST}\r\n").as_bytes()).await;
    assert!(text.starts_with("HTTP/1.1 200 OK") && text.ends_with("short"), "{text}");
    serving.await.unwrap();
    assert!(began.elapsed() <= HEAD_TIMEOUT + Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_head_of_more_than_16_kib_is_431() {
    let many: String = (0..90).map(|n| format!("x-{n}: {}\r\n", "y".repeat(200))).collect();
    let one = |bytes: usize| format!("x: {}\r\n", "y".repeat(bytes));
    for fields in [one(17 * 1024), one(40 * 1024), many] {
        let (peer, _) = connect();
        let sent = format!("GET /short HTTP/1.1\r\n{HOST}{fields}connection: close\r\n\r\n");
        let text = answer(peer, sent.as_bytes()).await;
        assert!(text.starts_with("HTTP/1.1 431"), "{text}");
    }
    let (peer, _) = connect();
    let sent = format!("GET /short HTTP/1.1\r\n{HOST}{}connection: close\r\n\r\n", one(8 * 1024));
    assert!(answer(peer, sent.as_bytes()).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_not_read_is_cut_and_one_that_is_read_slowly_is_not() {
    let (mut peer, serving) = connect();
    peer.write_all(format!("GET /endless HTTP/1.1\r\n{HOST}\r\n").as_bytes()).await.unwrap();
    let mut piece = vec![0; 64 * 1024];
    for _ in 0..10 {
        tokio::time::sleep(STALL_TIMEOUT - Duration::from_secs(1)).await;
        assert!(peer.read(&mut piece).await.unwrap() > 0);
    }
    let began = Instant::now();
    serving.await.unwrap();
    assert!(began.elapsed() <= STALL_TIMEOUT + Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test]
async fn only_so_many_connections_are_open_at_a_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let serving = tokio::spawn(serve_at_most(2, listener, routes(), shutdown.clone()));
    let held = [TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap()];
    let mut third = TcpStream::connect(address).await.unwrap();
    let ask = format!("GET /short HTTP/1.1\r\n{HOST}connection: close\r\n\r\n");
    third.write_all(ask.as_bytes()).await.unwrap();
    let mut text = String::new();
    let early = tokio::time::timeout(Duration::from_millis(200), third.read_to_string(&mut text)).await;
    assert!(early.is_err(), "the third was answered: {text}");
    drop(held);
    third.read_to_string(&mut text).await.unwrap();
    assert!(text.ends_with("short"), "{text}");
    shutdown.cancel();
    serving.await.unwrap();
}
