//! Invalid names in paths, and invalid queries. A caller without a valid key learns nothing about
//! either, and every response has the format of its route.

use cortex_api::Shape;
use cortex_api::routes::{Access, ROUTES, RouteInfo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::test_node::{KEY, TestNode};

/// No key, an invalid key and a valid key.
const KEYS: [Option<&str>; 3] = [None, Some("an invalid key"), Some(KEY)];

/// Sends a target unchanged. Returns the status, content type and body of the response.
async fn ask(node: &TestNode, method: &str, target: &[u8], key: Option<&str>) -> (u16, String, String) {
    let host = node.origin.gateway.as_ref().unwrap().address;
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

/// Checks the responses to a target. The key is checked first.
async fn hold(node: &TestNode, info: &RouteInfo, target: &[u8], status: u16) {
    for (key, status) in KEYS.into_iter().zip([401, 401, status]) {
        let (answered, content_type, body) = ask(node, info.method.as_str(), target, key).await;
        let shown = String::from_utf8_lossy(&target[..target.len().min(60)]);
        assert_eq!((answered, content_type.as_str()), (status, shape(info)), "{shown} {key:?}: {body:.200}");
        serde_json::from_str::<serde_json::Value>(&body).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_is_checked_before_the_path_and_the_query() {
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
        // For an invalid target or a head that is too long, the HTTP library responds without a
        // body.
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
