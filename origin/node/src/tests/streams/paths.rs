//! The response of each path and method, including odd ones. The test writes bytes, because a
//! client library would normalise the paths.

use cortex_api::routes::ROUTES;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::test_node::{KEY, TestNode};

/// The recorded responses. A change here is visible to callers.
const SEEN: &str = include_str!("paths.txt");
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/tests/streams/paths.txt");
const BLESS: &str = "CORTEX_BLESS=1 cargo test -p cortex-node --lib every_path";

const ID: &str = "01a1fb51-9430-7707-8707-070707070707";

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_path_gets_its_recorded_response() {
    let node = TestNode::new().await;
    let mut seen = String::new();
    let mut paths: Vec<_> = SEEN.lines().filter(|line| !line.starts_with("  ")).collect();
    for route in ROUTES.iter().map(|info| info.path).filter(|path| !path.contains('*')) {
        if !paths.contains(&route) {
            paths.push(route);
        }
    }
    for path in paths {
        seen.push_str(path);
        seen.push('\n');
        let path = path.replace("{id}", ID).replace("{rest}", &ID[1..]);
        let mut answers: Vec<(Vec<&str>, String)> = Vec::new();
        for method in METHODS {
            let known = answer(&node, method, &path, &format!("authorization: Bearer {KEY}\r\n")).await;
            let unknown = answer(&node, method, &path, "").await;
            let both = if unknown == known { known } else { format!("{known}\n    without a key {unknown}") };
            match answers.iter_mut().find(|(_, known)| *known == both) {
                Some((methods, _)) => methods.push(method),
                None => answers.push((vec![method], both)),
            }
        }
        for (methods, answer) in answers {
            seen.push_str(&format!("  {} {answer}\n", methods.join(",")));
        }
    }
    node.origin.stop().await;
    if std::env::var("CORTEX_BLESS").is_ok_and(|bless| bless == "1") {
        std::fs::write(FILE, seen).unwrap();
    } else {
        assert!(seen == SEEN, "responses differ; run\n{BLESS}");
    }
}

/// Returns the status, content type, `Allow` and error message.
async fn answer(node: &TestNode, method: &str, path: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(node.origin.gateway.as_ref().unwrap().address).await.unwrap();
    let host = node.origin.gateway.as_ref().unwrap().address;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\n{headers}connection: \
            close\r\ncontent-length: 0\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text.as_str(), ""));
    let header = |name: &str| {
        head.lines()
            .skip(1)
            .filter_map(|line| line.split_once(": "))
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map_or("-", |(_, value)| value)
    };
    let status = head.split(' ').nth(1).unwrap_or("-");
    let said = match serde_json::from_str::<serde_json::Value>(body) {
        Ok(body) if body["detail"].is_string() => format!("detail: {}", body["detail"]),
        Ok(body) if body["error"]["message"].is_string() => format!("message: {}", body["error"]["message"]),
        Ok(_) => "json".to_owned(),
        Err(_) => format!("text: {body:?}"),
    };
    format!("{status} {} allow={} {said}", header("content-type"), header("allow"))
}
