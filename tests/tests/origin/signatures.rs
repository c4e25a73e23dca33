//! What the edge signs is verified by the origin itself.

use cortex_fabric::clock::Clock;
use cortex_fabric::entropy;
use cortex_guard::signature::{Keyring, Nonce, Request, sign};
use cortex_tests::api::{Answer, Api, read};
use cortex_tests::home::Home;
use cortex_tests::origin::{Origin, Setup};
use reqwest::Method;
use serde_json::json;

const PATH: &str = "/api/v1/jobs";
const BODY: &str = r#"{"topic":"job.echo","input":1}"#;

/// A signed submission, as the edge sends it.
fn signed(keys: &Keyring, tenant: &str) -> Vec<(String, String)> {
    let mut headers = vec![
        ("cortex-tenant".to_owned(), tenant.to_owned()),
        ("cortex-principal".to_owned(), "ci".to_owned()),
        ("cortex-roles".to_owned(), String::new()),
    ];
    let request = Request {
        method: "POST",
        path: PATH,
        query: "",
        content_type: "application/json",
        body: BODY.as_bytes(),
    };
    let nonce = Nonce::new(entropy::random());
    let stamp = sign(&request, headers.clone(), keys.current(), Clock::system().now(), nonce).unwrap();
    headers.extend(stamp.map(|(name, value)| (name.to_owned(), value)));
    headers
}

async fn send(api: &Api, path: &str, headers: &[(String, String)], body: &str) -> Answer {
    let client = reqwest::Client::new();
    let mut request =
        client.request(Method::POST, format!("{}{path}", api.url)).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(name, value);
    }
    read(request.body(body.to_owned())).await
}

#[tokio::test]
async fn altered_replayed_and_foreign_signatures_are_refused_and_tenants_cannot_see_each_other() {
    let home = Home::new();
    let origin = Origin::start(&home, &Setup::echo()).await;
    let api = &origin.api;
    let keys: Keyring = home.secret("edge_keys").parse().unwrap();

    let headers = signed(&keys, "acme");
    let first = send(api, PATH, &headers, BODY).await;
    assert_eq!(first.status, 202, "{first:?}");
    let replayed = send(api, PATH, &headers, BODY).await;
    assert_eq!((replayed.status, replayed.problem()), (401, "unauthenticated"));

    let with = |name: &str, value: &str| {
        let mut headers = signed(&keys, "acme");
        headers.retain(|(known, _)| known != name);
        headers.push((name.to_owned(), value.to_owned()));
        headers
    };
    let foreign: Keyring = format!("edge-1:{}", "ab".repeat(32)).parse().unwrap();
    for (what, path, headers, body) in [
        ("a body", PATH, signed(&keys, "acme"), r#"{"topic":"job.echo","input":2}"#),
        ("a query", "/api/v1/jobs?x=1", signed(&keys, "acme"), BODY),
        ("a tenant", PATH, with("cortex-tenant", "other"), BODY),
        ("a role", PATH, with("cortex-roles", "SRE_LEAD"), BODY),
        ("a job id", PATH, with("cortex-job-id", "01a1fb51-9430-7707-8707-070707070707"), BODY),
        ("a time", PATH, with("cortex-time", "1795217790000"), BODY),
        ("a key id", PATH, with("cortex-key-id", "edge-2"), BODY),
        ("a key", PATH, signed(&foreign, "acme"), BODY),
        ("an extra header", PATH, with("cortex-x", "1"), BODY),
    ] {
        let answer = send(api, path, &headers, body).await;
        assert_eq!((answer.status, answer.problem()), (401, "unauthenticated"), "{what}: {answer:?}");
    }

    // The job is acme's; the local caller is of another tenant and sees nothing of it.
    let id = first.id();
    for path in [format!("/api/v1/jobs/{id}"), format!("/api/v1/jobs/{id}/events")] {
        assert_eq!(api.get(&path).await.problem(), "not-found");
    }
    assert_eq!(api.post(&format!("/api/v1/jobs/{id}/cancel"), &json!({})).await.problem(), "not-found");
    assert_eq!(api.get(PATH).await.body["jobs"], json!([]));
    origin.stop();
}
