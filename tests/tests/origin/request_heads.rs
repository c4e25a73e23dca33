//! What the origin decides from the head of a request, before it reads the body.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use cortex_tests::home::Home;
use cortex_tests::origin::{Origin, Setup};
use cortex_tests::ports;

/// Sends bytes unchanged and reads until the server closes the connection.
fn exchange(port: u16, bytes: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(bytes.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // A server that closes with unread bytes may reset the connection after its response.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn an_unknown_caller_is_refused_before_its_body_arrives() {
    let home = Home::new();
    let setup = Setup::echo();
    let origin = Origin::start(&home, &setup).await;
    let zeros = "00".repeat(32);
    for credential in [
        "Authorization: Bearer wrong-wrong-wrong".to_owned(),
        "A: no credential".to_owned(),
        format!("cortex-signature: {zeros}"),
        format!("cortex-signature: {zeros}\r\ncortex-key-id: edge-1\r\ncortex-time: 1"),
    ] {
        let began = Instant::now();
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Type: application/json\r\n\
             Content-Length: 1000000\r\n{credential}\r\n\r\n{{\"",
            setup.port
        );
        let answer = exchange(setup.port, &head);
        assert!(answer.starts_with("HTTP/1.1 401 "), "{credential}: {answer}");
        assert!(answer.contains("www-authenticate: Bearer"), "{answer}");
        assert!(began.elapsed() < Duration::from_secs(10), "{credential}: {:?}", began.elapsed());
    }
    origin.stop();
}

#[tokio::test]
async fn a_request_with_ambiguous_framing_is_refused_and_ends_its_connection() {
    let home = Home::new();
    let setup = Setup::echo();
    let origin = Origin::start(&home, &setup).await;
    let body = r#"{"topic":"job.echo","input":1}"#;
    let length = body.len();
    for (framing, body, named) in [
        (
            format!("Content-Length: {length}\r\nTransfer-Encoding: chunked"),
            format!("{length:x}\r\n{body}\r\n0\r\n\r\n"),
            "both `Content-Length` and `Transfer-Encoding`",
        ),
        (
            format!("Transfer-Encoding: chunked\r\nContent-Length: {length}"),
            format!("{length:x}\r\n{body}\r\n0\r\n\r\n"),
            "both `Content-Length` and `Transfer-Encoding`",
        ),
        (
            format!("Content-Length: {length}\r\nContent-Length: {length}"),
            body.to_owned(),
            "duplicate header `Content-Length`",
        ),
        (
            "Transfer-Encoding: gzip, chunked".to_owned(),
            "0\r\n\r\n".to_owned(),
            "invalid header `Transfer-Encoding`",
        ),
    ] {
        let request = format!(
            "POST /api/v1/jobs HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\n{framing}\r\n\r\n{body}",
            setup.port, origin.api.key
        );
        // The connection's first request is valid. What follows the invalid one is dropped with it.
        let first = format!("GET /health HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n", setup.port);
        let answer = exchange(setup.port, &format!("{first}{request}{first}"));
        assert!(answer.starts_with("HTTP/1.1 200 "), "{framing}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 2, "{framing}: {answer}");
        assert!(answer.contains("HTTP/1.1 400 ") && answer.contains(named), "{framing}: {answer}");
        assert!(answer.contains("application/problem+json"), "{answer}");
    }
    assert_eq!(origin.api.get("/api/v1/jobs").await.body["jobs"], serde_json::json!([]));
    origin.stop();
}

#[tokio::test]
async fn every_request_of_a_page_of_another_site_is_refused() {
    let home = Home::new();
    let setup = Setup::echo();
    let origin = Origin::start(&home, &setup).await;
    let host = format!("Host: 127.0.0.1:{}", setup.port);
    for path in ["/health", "/v1/models", "/api/v1/jobs", "/nothing"] {
        for headers in [
            "Host: rebound.example".to_owned(),
            format!("{host}\r\nOrigin: https://evil.example"),
            format!("{host}\r\nSec-Fetch-Site: cross-site"),
        ] {
            let key = &origin.api.key;
            let request = format!(
                "GET {path} HTTP/1.1\r\n{headers}\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n\r\n"
            );
            let answer = exchange(setup.port, &request);
            assert!(answer.starts_with("HTTP/1.1 403 "), "{path} {headers}: {answer}");
        }
    }
    // The header of a signature alone does not bypass the check.
    let probe = format!(
        "GET /health HTTP/1.1\r\nHost: rebound.example\r\ncortex-signature: {}\r\nConnection: close\r\n\r\n",
        "00".repeat(32)
    );
    assert!(exchange(setup.port, &probe).starts_with("HTTP/1.1 401 "));
    origin.stop();
}

#[tokio::test]
async fn origin_and_model_host_refuse_an_encoded_body_by_name() {
    let home = Home::new();
    let setup = Setup { chat_port: ports::free(), ..Setup::chat() };
    let origin = Origin::start(&home, &setup).await;
    let of_models = ["/v1/chat/completions", "/v1/completions", "/chat"];
    let of_origin = ["/v1/embeddings", "/api/v1/jobs"].into_iter().chain(of_models);
    let targets = of_origin.map(|path| (setup.port, path));
    for (port, path) in targets.chain(of_models.map(|path| (setup.chat_port, path))) {
        for coding in ["gzip", "deflate", "zstd", "br", "x-unknown"] {
            let answer = exchange(
                port,
                &format!(
                    "POST {path} HTTP/1.1\r\nHost: localhost:{port}\r\nAuthorization: Bearer {}\r\n\
                     Content-Type: application/json\r\nContent-Encoding: {coding}\r\nContent-Length: 2\r\n\
                     Connection: close\r\n\r\n{{}}",
                    origin.api.key
                ),
            );
            assert!(answer.starts_with("HTTP/1.1 415 "), "{port} {path} {coding}: {answer}");
            assert!(answer.contains("accept-encoding: identity"), "{answer}");
            assert!(answer.contains(&format!("`{coding}`")), "{answer}");
        }
    }
    origin.stop();
}

#[tokio::test]
async fn a_header_beyond_ascii_is_refused_by_name() {
    let home = Home::new();
    let setup = Setup::echo();
    let origin = Origin::start(&home, &setup).await;
    let ask = |headers: &str| {
        let request = format!(
            "POST /v1/embeddings HTTP/1.1\r\nHost: localhost:{}\r\nAuthorization: Bearer {}\r\n\
             Content-Length: 2\r\nConnection: close\r\n{headers}\r\n\r\n{{}}",
            setup.port, origin.api.key
        );
        exchange(setup.port, &request)
    };
    for header in ["Content-Type: application/jsön", "Content-Type: application/json\r\nPrefer: wait=5; ä"]
    {
        let answer = ask(header);
        assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("must be ASCII"), "{answer}");
    }
    origin.stop();
}

#[tokio::test]
async fn an_allowed_host_name_requires_the_key() {
    let home = Home::new();
    let allowed_host = Some("host.docker.internal".to_owned());
    let setup = Setup { allowed_host, chat_port: ports::free(), ..Setup::chat() };
    let origin = Origin::start(&home, &setup).await;
    let key = format!("Authorization: Bearer {}\r\n", origin.api.key);
    for port in [setup.port, setup.chat_port] {
        for (host, key, status) in [
            ("host.docker.internal", key.as_str(), 200),
            ("host.docker.internal", "", 401),
            ("host.docker.internal", "Authorization: Bearer wrong-wrong-wrong\r\n", 401),
            ("127.0.0.1", key.as_str(), 200),
            ("127.0.0.1", "", 401),
            ("docker.internal", key.as_str(), 403),
            ("host.docker.internal.evil.example", key.as_str(), 403),
        ] {
            let request =
                format!("GET /v1/models HTTP/1.1\r\nHost: {host}:{port}\r\n{key}Connection: close\r\n\r\n");
            let answer = exchange(port, &request);
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{port} {host} {key}: {answer}");
        }
    }
    origin.stop();
}
