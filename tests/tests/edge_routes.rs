//! The routes of the edge match the route table.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use cortex_api::Shape;
use cortex_api::openapi;
use cortex_api::routes::{Access, Method as RouteMethod, ROUTES, RouteInfo, ServedBy};
use cortex_tests::api::{Answer, Api};
use cortex_tests::edge::{Edge, Secrets, Setup};
use cortex_tests::origin_stub::{OriginStub, StubBehavior};
use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long a refusal may take that does not wait for the body, which has thirty seconds to arrive.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

/// Fills the parameters of a path with valid ids.
fn named(path: &str) -> String {
    let id = if path.contains("/keys/") { "abcdefghij23" } else { "01a1fb51-9430-7707-8707-070707070707" };
    path.replace("{*id}", "org/a").replace("{id}", id)
}

async fn ask(api: &Api, method: RouteMethod, path: &str) -> Answer {
    let method = Method::from_bytes(method.as_str().as_bytes()).unwrap();
    let request = reqwest::Client::new().request(method, format!("{}{path}", api.url));
    cortex_tests::api::read(request.header("content-type", "application/json")).await
}

#[tokio::test]
async fn every_route_of_the_table_requires_its_access() {
    let folder = tempfile::tempdir().unwrap();
    let edge = Edge::start(folder.path(), &Setup::before("http://127.0.0.1:9", Secrets::made())).await;
    let stranger = Api::new(&edge.url, "");
    for info in ROUTES {
        let path = named(info.path);
        let expected = match (info.served_by(), info.access()) {
            (ServedBy::Origin, _) => 404,
            (_, Access::Public) => 200,
            (_, Access::Caller | Access::Local | Access::Service) => 401,
        };
        assert_eq!(ask(&stranger, info.method, &path).await.status, expected, "{:?} {path}", info.method);
    }
    let document = ask(&stranger, RouteMethod::Get, "/openapi.json").await;
    assert_eq!(document.header("content-type"), "application/json");
    assert_eq!(document.body, serde_json::from_str::<serde_json::Value>(openapi::TEXT).unwrap());
}

fn at_edge(info: &&RouteInfo) -> bool {
    info.served_by() != ServedBy::Origin
}

fn shape(info: &RouteInfo) -> &'static str {
    match info.errors {
        Shape::Problem => "application/problem+json",
        Shape::OpenAi => "application/json",
    }
}

#[tokio::test]
async fn a_public_route_of_the_edge_ignores_a_forged_signature() {
    let folder = tempfile::tempdir().unwrap();
    let edge = Edge::start(folder.path(), &Setup::before("http://127.0.0.1:9", Secrets::made())).await;
    for path in ["/health", "/openapi.json"] {
        let request = reqwest::Client::new().get(format!("{}{path}", edge.url));
        let answer = cortex_tests::api::read(request.header("cortex-signature", "00")).await;
        assert_eq!(answer.status, 200, "{path}");
    }
}

#[tokio::test]
async fn the_key_is_checked_before_the_path_and_the_query() {
    let folder = tempfile::tempdir().unwrap();
    let origin = OriginStub::start(|_| StubBehavior::Answer);
    let edge = Edge::start(folder.path(), &Setup::before(&origin.url, Secrets::made())).await;
    let (good, revoked) = (edge.api("acme", "ci", &[]).await, edge.api("acme", "old", &[]).await);
    edge.revoke(&revoked).await;
    let invented = good.with_key(&format!("ctx_aaaaaaaaaaaa_{}", "A".repeat(43)));
    let long = ["x".repeat(5_000), "%ff".repeat(2_000)];
    let mut names = vec!["%ff", "%00", "%2F", "%zz", "%", "x%ffy", "%c3%28", "x"];
    names.extend(long.iter().map(String::as_str));
    for info in ROUTES.iter().filter(at_edge).filter(|info| info.path.contains('{')) {
        let (before, rest) = info.path.split_once('{').unwrap();
        let (_, after) = rest.split_once('}').unwrap();
        for name in &names {
            let path = format!("{before}{name}{after}");
            for (api, status) in [(&invented, 401), (&revoked, 401), (&good, 404)] {
                let status = match info.access() {
                    Access::Service => 401,
                    _ if info.path.starts_with("/v1/") && status == 404 => 200,
                    _ => status,
                };
                let method = Method::from_bytes(info.method.as_str().as_bytes()).unwrap();
                let answer = cortex_tests::api::read(api.request(method, &path)).await;
                assert_eq!(answer.status, status, "{path:.60}: {answer:?}");
                if status != 200 {
                    assert_eq!(answer.header("content-type"), shape(info), "{path:.60}");
                }
            }
        }
    }
    for query in ["%ff=1", "state=%ff", "limit=%00", "cursor=%ED%A0%80", "&&&=", "topic=%zz", &long[1]] {
        let path = format!("/api/v1/jobs?{query}");
        for (api, status) in [(&invented, 401), (&revoked, 401), (&good, 400)] {
            let answer = api.get(&path).await;
            assert_eq!(answer.status, status, "{path:.60}: {answer:?}");
        }
    }
}

/// Returns the status for a head and the bytes after it.
async fn status(edge: &Edge, info: &RouteInfo, key: &str, framing: &str, body: &[u8]) -> u16 {
    let (method, path) = (info.method.as_str(), named(info.path));
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: edge\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n\
         {framing}\r\n\r\n"
    );
    let stream = TcpStream::connect(("127.0.0.1", edge.setup.port)).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let all = [head.as_bytes(), body].concat();
    // A server that has refused reads no further.
    let send = writer.write_all(&all);
    let mut answer = [0; 12];
    let read = tokio::time::timeout(ANSWER_TIMEOUT, reader.read_exact(&mut answer));
    let (_, read) = tokio::join!(send, read);
    read.unwrap_or_else(|_| panic!("{path} {framing}: no answer in {ANSWER_TIMEOUT:?}")).unwrap();
    std::str::from_utf8(&answer[9..]).unwrap().parse().unwrap()
}

#[tokio::test]
async fn every_route_enforces_its_body_limit() {
    let folder = tempfile::tempdir().unwrap();
    let origin = OriginStub::start(|_| StubBehavior::Answer);
    let edge = Edge::start(folder.path(), &Setup::before(&origin.url, Secrets::made())).await;
    let api = edge.api("acme", "ci", &[]).await;
    for info in ROUTES.iter().filter(at_edge) {
        let limit = info.body.bytes();
        let (most, over) = (vec![b' '; limit], vec![b' '; limit + 1]);
        for (framing, body) in [
            (format!("content-length: {}", limit + 1), over.as_slice()),
            // The body is announced but never sent.
            (format!("content-length: {}", limit + 1), &[]),
            ("content-length: 999999999999999".to_owned(), &[]),
        ] {
            let status = status(&edge, info, &api.key, &framing, body).await;
            assert_eq!(status, 413, "{} {framing}", info.path);
        }
        if info.access() == Access::Caller && info.body.is_json() {
            let whole = status(&edge, info, &api.key, &format!("content-length: {limit}"), &most).await;
            assert_ne!(whole, 413, "{}", info.path);
            // A body without a content length is counted.
            for (body, refused) in [(&over, true), (&most, false)] {
                let chunks = [format!("{:x}\r\n", body.len()).as_bytes(), body, b"\r\n0\r\n\r\n"].concat();
                let status = status(&edge, info, &api.key, "transfer-encoding: chunked", &chunks).await;
                assert_eq!(status == 413, refused, "{}: {status}", info.path);
            }
        }
    }
}
