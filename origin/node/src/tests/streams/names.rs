//! Names in paths that can be no names, and queries that are no text: a caller whose key does not hold learns nothing of
//! either, and every answer has the shape of its route.

use cortex_api::Shape;
use cortex_api::routes::{Access, ROUTES, RouteInfo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::test_node::{KEY, TestNode};

/// Those who ask: without a key, with one that does not hold, and with one that does.
const KEYS: [Option<&str>; 3] = [None, Some("a key that is none"), Some(KEY)];

/// Status and content type of the answer to a target as it is, and its body.
async fn ask(node: &TestNode, method: &str, target: &[u8], key: Option<&str>) -> (u16, String, String) {
    let host = node.origin.address;
    let key = key.map(|key| format!("authorization: Bearer {key}\r\n")).unwrap_or_default();
    let rest = format!(" HTTP/1.1\r\nhost: {host}\r\n{key}content-length: 0\r\nconnection: close\r\n\r\n");
    let head = [method.as_bytes(), b" ", target, rest.as_bytes()].concat();
    let mut stream = TcpStream::connect(host).await.unwrap();
    stream.write_all(&head).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let content_type = head.lines().find_map(|line| line.strip_prefix("content-type: "));
    (head[9..12].parse().unwrap(), content_type.unwrap_or_default().to_owned(), body.to_owned())
}

fn shape(info: &RouteInfo) -> &'static str {
    match info.errors {
        Shape::Problem => "application/problem+json",
        Shape::OpenAi => "application/json",
    }
}

/// Holds the answers to a target: the key comes first.
async fn hold(node: &TestNode, info: &RouteInfo, target: &[u8], status: u16) {
    for (key, status) in KEYS.into_iter().zip([401, 401, status]) {
        let (answered, content_type, body) = ask(node, info.method.as_str(), target, key).await;
        let shown = String::from_utf8_lossy(&target[..target.len().min(60)]);
        assert_eq!((answered, content_type.as_str()), (status, shape(info)), "{shown} {key:?}: {body:.200}");
        serde_json::from_str::<serde_json::Value>(&body).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_comes_before_what_a_path_or_a_query_names() {
    let node = TestNode::new().await;
    let long = ["x".repeat(10_000), "%ff".repeat(5_000)];
    let mut names = vec!["%ff", "%00", "%2F", "%2f%2e%2e", "%zz", "%", "x%ffy", "%c3%28", "%ED%A0%80"];
    names.extend(long.iter().map(String::as_str));
    let naming: Vec<_> =
        ROUTES.iter().filter(|info| info.access() == Access::Caller && info.path.contains('{')).collect();
    assert_eq!(naming.len(), 4);
    for info in naming {
        let (before, rest) = info.path.split_once('{').unwrap();
        let (_, after) = rest.split_once('}').unwrap();
        for name in &names {
            hold(&node, info, format!("{before}{name}{after}").as_bytes(), 404).await;
        }
        // No target of HTTP, and a head that is too long: the library refuses both, and says nothing else.
        for (name, status) in [(&b"\xff"[..], 400), ("x".repeat(40_000).as_bytes(), 431)] {
            let target = [before.as_bytes(), name, after.as_bytes()].concat();
            for key in KEYS {
                let answer = ask(&node, info.method.as_str(), &target, key).await;
                assert_eq!(answer, (status, String::new(), String::new()), "{}", info.path);
            }
        }
    }

    let list = ROUTES.iter().find(|info| info.path == "/api/v1/jobs" && !info.body.is_json()).unwrap();
    for query in ["%ff=1", "state=%ff", "limit=%00", "cursor=%ED%A0%80", "&&&=", "topic=%zz", &long[1]] {
        hold(&node, list, format!("{}?{query}", list.path).as_bytes(), 400).await;
    }
    node.origin.stop().await;
}
