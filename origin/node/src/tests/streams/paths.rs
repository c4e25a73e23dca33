//! The response of each path and method, including odd ones. The test writes bytes, because a
//! client library would normalise the paths.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::test_node::{KEY, TestNode};

/// The recorded responses. A change here is visible to callers.
const SEEN: &str = include_str!("paths.txt");

const ID: &str = "01a1fb51-9430-7707-8707-070707070707";

const PATHS: &[&str] = &[
    "/",
    "//",
    "/health",
    "/health/",
    "//health",
    "/Health",
    "/health?x=1",
    "/%68ealth",
    "/chat",
    "/chat/",
    "/embed",
    "/openapi.json",
    "/openapi",
    "/api",
    "/api/v1",
    "/api/v1/",
    "/api/v1/jobs",
    "/api/v1/jobs/",
    "/api/v1/jobs//",
    "/api/v1/jobs?limit=1",
    "/api/v1//jobs",
    "/api/v1/jobs/{id}",
    "/api/v1/jobs/{id}/",
    "/api/v1/jobs/x",
    "/api/v1/jobs/%30{rest}",
    "/api/v1/jobs/{id}%20",
    "/api/v1/jobs/%ff",
    "/api/v1/jobs/%zz",
    "/api/v1/jobs/%2f",
    "/api/v1/jobs/{id}/cancel",
    "/api/v1/jobs/{id}/cancel/",
    "/api/v1/jobs/x/cancel",
    "/api/v1/jobs//cancel",
    "/api/v1/jobs/{id}/cancel/x/y/z",
    "/api/v1/jobs/{id}/events",
    "/api/v1/jobs/%ff/events",
    "/api/v1/jobs/x/events",
    "/api/v1/jobs/{id}/other",
    "/api/v1/jobs/../jobs",
    "/api/v1/workers",
    "/api/v1/workers/",
    "/api/v1/workers/w",
    "/v1",
    "/v1/",
    "/v1x",
    "/v1/models",
    "/v1/models/",
    "/v1/models//",
    "/v1/models/tiny",
    "/v1/models/tiny/",
    "/v1/models/t%69ny",
    "/v1/models/a/b/c/d/e/f",
    "/v1/models/org%2fa",
    "/v1/models/%ff",
    "/v1/models/%zz",
    "/v1/embeddings",
    "/v1/embeddings/",
    "/v1/chat",
    "/v1/chat/",
    "/v1/chat/completions",
    "/v1/chat/completions/",
    "/v1/chat/completions/chatcmpl-1",
    "/v1/completions",
    "/v1/responses",
    "/v1/responses/resp_1",
    "/v1/images/generations",
    "/v1/%65mbeddings",
    "/internal",
    "/internal/revoked",
    "/internal/revoked/",
    "/internal/keys",
    "/internal/keys/abcdefghijka",
    "/internal/ledger/states",
];

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_path_gets_its_recorded_response() {
    let node = TestNode::new().await;
    let mut seen = String::new();
    for path in PATHS {
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
    assert!(seen == SEEN, "responses differ:\n{seen}");
}

/// Returns the status, content type, `Allow` and error message.
async fn answer(node: &TestNode, method: &str, path: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(node.origin.address).await.unwrap();
    let host = node.origin.address;
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
