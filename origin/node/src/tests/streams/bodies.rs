//! A route accepts bodies up to its limit in the route table. The announced length does not change
//! that.

use std::time::Duration;

use cortex_api::Shape;
use cortex_api::routes::{Access, ROUTES, RouteInfo};
use futures::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::test_node::{KEY, TestNode};

/// How long a rejection may take that does not wait for the body. A body may take thirty seconds.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(10);

/// Sends a head and bytes after it. Returns the status and the body of the response.
async fn ask(node: &TestNode, info: &RouteInfo, framing: &str, body: &[u8]) -> (u16, String) {
    let host = node.origin.gateway.as_ref().unwrap().address;
    let path = info.path.replace("{*id}", "a").replace("{id}", "01a1fb51-9430-7707-8707-070707070707");
    let head = format!(
        "{} {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {KEY}\r\ncontent-type: application/json\r\n\
         connection: close\r\n{framing}\r\n\r\n",
        info.method.as_str()
    );
    let stream = TcpStream::connect(host).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let all = [head.as_bytes(), body].concat();
    // A server that has rejected the request reads no more.
    let send = writer.write_all(&all);
    let mut answer = Vec::new();
    let read = tokio::time::timeout(REFUSAL_TIMEOUT, reader.read_to_end(&mut answer));
    let (_, read) = tokio::join!(send, read);
    let _ = read.unwrap_or_else(|_| panic!("{path} {framing}: no answer in {REFUSAL_TIMEOUT:?}"));
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{path} {framing}: {answer}"));
    (head[9..12].parse().unwrap(), body.to_owned())
}

fn chunked(body: &[u8]) -> Vec<u8> {
    let chunks = body.chunks(60_000).flat_map(|chunk| {
        [format!("{:x}\r\n", chunk.len()).into_bytes(), chunk.to_vec(), b"\r\n".to_vec()].concat()
    });
    chunks.chain(*b"0\r\n\r\n").collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_accepts_bodies_up_to_its_limit() {
    let node = TestNode::new().await;
    let served = ROUTES.iter().filter(|info| info.route.at_origin().is_some());
    let routes = served.filter(|info| info.access() != Access::Public).map(|info| walk(&node, info));
    // The server reads for one more second from a sender that announced too much.
    join_all(routes).await;
    node.origin.stop().await;
}

async fn walk(node: &TestNode, info: &RouteInfo) {
    let limit = info.body.bytes();
    let over = vec![b' '; limit + 1];
    for (framing, body) in [
        (format!("content-length: {}", limit + 1), over.clone()),
        ("transfer-encoding: chunked".to_owned(), chunked(&over)),
        // The body is announced but never sent.
        (format!("content-length: {}", limit + 1), vec![]),
        ("content-length: 999999999999999".to_owned(), vec![b' '; 100]),
    ] {
        let (status, body) = ask(node, info, &framing, &body).await;
        assert_eq!(status, 413, "{} {framing}: {body}", info.path);
        let said: serde_json::Value = serde_json::from_str(&body).unwrap();
        match info.errors {
            Shape::Problem => assert_eq!(said["limit"], limit, "{}", info.path),
            Shape::OpenAi => assert_eq!(said["error"]["code"], "too-large", "{}", info.path),
        }
    }

    let most = vec![b' '; limit];
    for (framing, body) in [
        (format!("content-length: {limit}"), most.clone()),
        ("transfer-encoding: chunked".to_owned(), chunked(&most)),
        // The bytes beyond the announced length are not part of the body.
        ("content-length: 2".to_owned(), [b"{}", over.as_slice()].concat()),
    ] {
        let (status, body) = ask(node, info, &framing, &body).await;
        assert_ne!(status, 413, "{} {framing}: {body}", info.path);
    }
}
