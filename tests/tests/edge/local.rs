//! An edge on this machine opens no other ports or routes.

use std::collections::HashSet;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use cortex_tests::edge::{Edge, Secrets, Setup};
use cortex_tests::home::Home;
use cortex_tests::process::{Process, binary};
use cortex_tests::{listeners, ports, wait};
use reqwest::{Client, Method};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const LIMIT: Duration = Duration::from_secs(60);

/// Routes of development tools that once answered here, and some that might.
const FOREIGN: [&str; 14] = [
    "/cdn-cgi/explorer",
    "/cdn-cgi/explorer/api",
    "/cdn-cgi/explorer/api/storage/kv/namespaces",
    "/cdn-cgi/platform-proxy",
    "/cdn-cgi/handler/scheduled",
    "/cdn-cgi/mf/scheduled",
    "/cdn-cgi/mf/reload",
    "/cdn-cgi/mf/stream",
    "/cdn-cgi/trace",
    "/core/log",
    "/core/error",
    "/core/do-storage/",
    "/browser/launch",
    "/json/list",
];

fn alone() -> (tempfile::TempDir, Setup) {
    (tempfile::tempdir().unwrap(), Setup::before("http://127.0.0.1:9", Secrets::made()))
}

#[tokio::test]
async fn the_processes_listen_only_on_the_ports_that_they_print() {
    let home = Home::new();
    let log = home.path().join("up.log");
    let mut command = Command::new(binary("cortex"));
    command.args(["up", "--workers", "echo=1,embed=1"]).env("CORTEX_HOME", home.path());
    for flag in ["--edge-port", "--api-port", "--grpc-port", "--host-port", "--metrics-port"] {
        command.args([flag, &ports::free().to_string()]);
    }
    let mut process = Process::start(&mut command, &log);
    let printed = wait::until("everything is up", LIMIT, async || {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        assert!(process.ended().is_none(), "{text}");
        text.contains("Try it:").then_some(text)
    })
    .await;
    let announced: HashSet<SocketAddr> = printed
        .split_whitespace()
        .filter_map(|word| word.strip_prefix("http://")?.split('/').next()?.parse().ok())
        .collect();
    let open = wait::until("the model host listens", LIMIT, async || {
        let open = listeners::of_tree(process.id());
        announced.is_subset(&open).then_some(open)
    })
    .await;
    assert!(announced.len() == 5 && open == announced, "{open:?} are open, {announced:?} were printed");
    assert!(process.stop(Duration::from_secs(30)).success());
}

#[tokio::test]
async fn paths_of_development_tools_are_not_found() {
    let (folder, setup) = alone();
    let edge = Edge::start(folder.path(), &setup).await;
    let client = Client::new();
    for path in FOREIGN {
        for method in [Method::GET, Method::POST, Method::PUT] {
            let mut request = client.request(method.clone(), format!("{}{path}", edge.url));
            for (name, value) in [
                ("mf-custom-fetch-service", "0/KEYS"),
                ("mf-custom-node-service", "0/KEYS"),
                ("mf-original-url", "http://localhost/core/log"),
                ("mf-route-override", "KEYS"),
                ("mf-op", "GET"),
                ("cf-worker", "x"),
            ] {
                request = request.header(name, value);
            }
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), 404, "{method} {path}");
            assert_eq!(answer.headers()["content-type"], "application/problem+json", "{method} {path}");
        }
    }
}

#[tokio::test]
async fn an_invalid_request_is_refused_with_a_problem_document() {
    let (folder, setup) = alone();
    let edge = Edge::start(folder.path(), &setup).await;
    for (bytes, status) in [
        ("GARBAGE\r\n\r\n", 400),
        ("FOO /health HTTP/1.1\r\nhost: x\r\n\r\n", 405),
        ("CONNECT x:80 HTTP/1.1\r\nhost: x\r\n\r\n", 405),
        ("GET http://x/health HTTP/1.1\r\nhost: x\r\n\r\n", 400),
        ("GET /health HTTP/1.1\r\nhost: [::\r\n\r\n", 400),
        ("POST /api/v1/jobs HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\n{}", 400),
        (
            "POST /api/v1/jobs HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
    ] {
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", edge.setup.port)).await.unwrap();
        stream.write_all(bytes.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{bytes}: {answer}");
        assert!(answer.contains("\r\ncontent-type: application/problem+json\r\n"), "{bytes}: {answer}");
    }
    assert_eq!(edge.log(), "", "nothing reached workerd");
}

/// Sends bytes and disconnects.
fn send_and_leave(edge: &Edge, bytes: &str) {
    let mut stream = TcpStream::connect(("127.0.0.1", edge.setup.port)).unwrap();
    stream.write_all(bytes.as_bytes()).unwrap();
}

#[tokio::test]
async fn an_aborted_request_does_not_affect_the_next_one() {
    let (folder, setup) = alone();
    let edge = Edge::start(folder.path(), &setup).await;
    let api = edge.api("acme", "ci", &[]).await;
    let key = format!("authorization: Bearer {}\r\n", api.key);
    let json = "content-type: application/json\r\n";
    let torn = [
        "GET /health HTTP/1.1\r\nhost: x\r\ncontent-length: 50\r\n\r\n".to_owned(),
        format!("GET /v1/models HTTP/1.1\r\nhost: x\r\n{key}content-length: 50\r\n\r\n"),
        format!(
            "POST /api/v1/jobs HTTP/1.1\r\nhost: x\r\n{key}{json}content-length: 5000\r\n\r\n{{\"topic\""
        ),
        format!(
            "POST /api/v1/jobs HTTP/1.1\r\nhost: x\r\n{key}{json}transfer-encoding: chunked\r\n\r\nff\r\n{{"
        ),
        format!(
            "POST /nowhere HTTP/1.1\r\nhost: x\r\n{key}{json}content-length: 900000\r\n\r\n{}",
            "x".repeat(70_000)
        ),
        "POST /api/v1/jobs HTTP/1.1\r\nhost".to_owned(),
    ];
    for bytes in torn.iter().cycle().take(30) {
        send_and_leave(&edge, bytes);
        let next = api.get("/api/v1/jobs").await;
        assert_eq!(next.status, 200, "after {bytes:.60?}: {next:?}\n{}", edge.log());
    }
}

/// Starts an origin whose every response has `size` bytes.
fn answers(size: usize) -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(stream, size));
        }
    });
    port
}

fn answer(mut stream: TcpStream, size: usize) -> Option<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let status = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";
    write!(stream, "{status}content-length: {}\r\n\r\n\"", size + 2).ok()?;
    let part = [b'x'; 1 << 16];
    let mut left = size;
    while left > 0 {
        let length = left.min(part.len());
        stream.write_all(&part[..length]).ok()?;
        left -= length;
    }
    stream.write_all(b"\"").ok()
}

#[tokio::test]
async fn answers_that_are_large_or_unread_cost_the_edge_few_descriptors_and_no_log() {
    const SIZE: usize = 7 << 20;
    const UNREAD: usize = 40;
    let folder = tempfile::tempdir().unwrap();
    let origin = answers(SIZE);
    let edge =
        Edge::start(folder.path(), &Setup::before(&format!("http://127.0.0.1:{origin}"), Secrets::made()))
            .await;
    let api = edge.api("acme", "ci", &[]).await;
    let workerd =
        listeners::tree(edge.id()).into_iter().find(|pid| listeners::program(*pid) == "workerd").unwrap();
    let before = listeners::descriptors(workerd);

    let reads = (0..24).map(|_| api.get("/v1/models"));
    for answer in futures::future::join_all(reads).await {
        assert_eq!((answer.status, answer.body.as_str().unwrap().len()), (200, SIZE));
    }
    let head = format!("GET /v1/models HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n", api.key);
    let mut unread = Vec::new();
    for _ in 0..UNREAD {
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", edge.setup.port)).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.read_exact(&mut [0; 100]).await.unwrap();
        unread.push(stream);
    }
    assert_eq!(api.get("/v1/models").await.status, 200, "others are answered meanwhile");
    let during = listeners::descriptors(workerd);
    assert!(
        during <= before + 8 * UNREAD,
        "{before} descriptors before, {during} with {UNREAD} unread answers"
    );
    assert!(edge.log().len() < 64 << 10, "{} bytes of log", edge.log().len());
    drop(unread);
    wait::until("the descriptors are closed", LIMIT, async || {
        (listeners::descriptors(workerd) <= before + UNREAD).then_some(())
    })
    .await;
}
