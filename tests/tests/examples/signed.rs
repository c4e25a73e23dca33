//! Signs requests to the origin, like the edge.

use cortex_guard::signature::{Keyring, Nonce, Request, sign};
use cortex_platform::clock::Clock;
use cortex_platform::entropy;
use cortex_tests::api::{Answer, read};
use cortex_tests::stack::Stack;
use reqwest::{Client, Method};
use serde_json::Value;

/// Sends a request for the tenant `acme`. The first one learns the instance of the origin from its
/// refusal.
pub(crate) async fn by_the_edge(stack: &Stack, method: &Method, path: &str, body: &Value) -> Answer {
    let refused = send(stack, method, path, body, "").await;
    assert_eq!(refused.status, 401, "{refused:?}");
    send(stack, method, path, body, refused.header("cortex-instance")).await
}

async fn send(stack: &Stack, method: &Method, path: &str, body: &Value, instance: &str) -> Answer {
    let keys: Keyring = stack.home.secret("edge_keys").parse().unwrap();
    let body = body.to_string();
    let named = [
        ("cortex-tenant", "acme"),
        ("cortex-principal", "edge"),
        ("cortex-roles", ""),
        ("cortex-instance", instance),
        ("accept", "*/*"),
    ];
    let content_type = "application/json";
    let parts = Request { method: method.as_str(), path, query: "", content_type, body: body.as_bytes() };
    let (nonce, now) = (Nonce::new(entropy::random()), Clock::system().now());
    let params = sign(&parts, named, keys.current(), now, nonce).unwrap();
    let mut request = Client::new().request(method.clone(), format!("{}{path}", stack.origin.api.url));
    for (name, value) in named {
        request = request.header(name, value);
    }
    for (name, value) in params {
        request = request.header(name, value);
    }
    read(request.header("content-type", content_type).body(body)).await
}
