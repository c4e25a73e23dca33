//! The origin verifies the signatures of the edge.

use std::time::Duration;

use cortex_guard::signature::{Keyring, Nonce, Request, sign};
use cortex_platform::clock::Clock;
use cortex_platform::entropy;
use cortex_tests::api::{Answer, Api, read};
use cortex_tests::home::Home;
use cortex_tests::origin::{Origin, Setup};
use reqwest::Method;
use serde_json::json;

const PATH: &str = "/api/v1/jobs";
const BODY: &str = r#"{"topic":"job.echo","input":1}"#;

/// A signer for one instance of the origin.
struct Signer {
    keys: Keyring,
    instance: String,
}

impl Signer {
    /// Learns the instance as the edge does, from the refusal of a signature without one.
    async fn new(keys: &Keyring, api: &Api) -> Self {
        let mut signer = Self { keys: keys.clone(), instance: String::new() };
        let refused = send(api, PATH, &signer.signed("acme", Duration::ZERO), BODY).await;
        assert_eq!((refused.status, refused.problem()), (401, "unauthenticated"), "{refused:?}");
        assert_eq!(refused.header("www-authenticate"), "Bearer realm=\"cortex\"");
        signer.instance = refused.header("cortex-instance").to_owned();
        assert_eq!(signer.instance.len(), 32, "{refused:?}");
        signer
    }

    /// Returns a signed submission, as an edge sends it whose clock is ahead by this much.
    fn signed(&self, tenant: &str, ahead: Duration) -> Vec<(String, String)> {
        let mut headers = vec![
            ("cortex-tenant".to_owned(), tenant.to_owned()),
            ("cortex-principal".to_owned(), "ci".to_owned()),
            ("cortex-roles".to_owned(), String::new()),
            ("cortex-instance".to_owned(), self.instance.clone()),
            ("accept".to_owned(), "*/*".to_owned()),
        ];
        let request = Request {
            method: "POST",
            path: PATH,
            query: "",
            content_type: "application/json",
            body: BODY.as_bytes(),
        };
        let (nonce, now) = (Nonce::new(entropy::random()), Clock::system().now().after(ahead));
        let params = sign(&request, headers.clone(), self.keys.current(), now, nonce).unwrap();
        headers.extend(params.map(|(name, value)| (name.to_owned(), value)));
        headers
    }
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
async fn a_signature_that_was_used_before_a_restart_is_refused_after_it() {
    let home = Home::new();
    let setup = Setup::echo();
    let origin = Origin::start(&home, &setup).await;
    let keys: Keyring = home.secret("edge_keys").parse().unwrap();
    let signer = Signer::new(&keys, &origin.api).await;
    // The signature is ahead of the origin's clock, so that the next start finds its time valid.
    let headers = signer.signed("acme", Duration::from_secs(4));
    assert_eq!(send(&origin.api, PATH, &headers, BODY).await.status, 202);
    origin.stop();

    let origin = Origin::start(&home, &setup).await;
    let replayed = send(&origin.api, PATH, &headers, BODY).await;
    assert_eq!((replayed.status, replayed.problem()), (401, "unauthenticated"), "{replayed:?}");
    let next = Signer::new(&keys, &origin.api).await;
    assert_ne!(next.instance, signer.instance);
    assert_eq!(send(&origin.api, PATH, &next.signed("acme", Duration::ZERO), BODY).await.status, 202);
    let ahead = send(&origin.api, PATH, &next.signed("acme", Duration::from_secs(60)), BODY).await;
    assert_eq!((ahead.status, ahead.header("cortex-instance")), (401, next.instance.as_str()));
    assert!(ahead.header("cortex-time").parse::<u64>().is_ok(), "{ahead:?}");
    origin.stop();
}

#[tokio::test]
async fn altered_replayed_and_foreign_signatures_are_refused_and_tenants_cannot_see_each_other() {
    let home = Home::new();
    let origin = Origin::start(&home, &Setup::echo()).await;
    let api = &origin.api;
    let keys: Keyring = home.secret("edge_keys").parse().unwrap();

    let signer = Signer::new(&keys, api).await;
    let now = Duration::ZERO;
    let headers = signer.signed("acme", now);
    let first = send(api, PATH, &headers, BODY).await;
    assert_eq!(first.status, 202, "{first:?}");
    let replayed = send(api, PATH, &headers, BODY).await;
    assert_eq!((replayed.status, replayed.problem()), (401, "unauthenticated"));

    let with = |name: &str, value: &str| {
        let mut headers = signer.signed("acme", now);
        headers.retain(|(known, _)| known != name);
        headers.push((name.to_owned(), value.to_owned()));
        headers
    };
    let keys = format!("edge-1:{}", "ab".repeat(32)).parse().unwrap();
    let stranger = Signer { keys, instance: signer.instance.clone() };
    for (what, path, headers, body) in [
        ("a body", PATH, signer.signed("acme", now), r#"{"topic":"job.echo","input":2}"#),
        ("a query", "/api/v1/jobs?x=1", signer.signed("acme", now), BODY),
        ("a tenant", PATH, with("cortex-tenant", "other"), BODY),
        ("a role", PATH, with("cortex-roles", "SRE_LEAD"), BODY),
        ("a job id", PATH, with("cortex-job-id", "01a1fb51-9430-7707-8707-070707070707"), BODY),
        ("a time", PATH, with("cortex-time", "1795217790000"), BODY),
        ("a key id", PATH, with("cortex-key-id", "edge-2"), BODY),
        ("a key", PATH, stranger.signed("acme", now), BODY),
        ("an extra header", PATH, with("cortex-x", "1"), BODY),
        ("a preference", PATH, with("prefer", "wait=60"), BODY),
        ("what is accepted", PATH, with("accept", "text/event-stream"), BODY),
        ("an idempotency key", PATH, with("idempotency-key", "k"), BODY),
        ("an event", PATH, with("last-event-id", "0.1"), BODY),
        ("a length", PATH, with("cortex-body-length", "1"), BODY),
        ("another instance", PATH, with("cortex-instance", &"0".repeat(32)), BODY),
    ] {
        let answer = send(api, path, &headers, body).await;
        assert_eq!((answer.status, answer.problem()), (401, "unauthenticated"), "{what}: {answer:?}");
    }

    // The job belongs to acme. The local caller has another tenant and can't see it.
    let id = first.id();
    for path in [format!("/api/v1/jobs/{id}"), format!("/api/v1/jobs/{id}/events")] {
        assert_eq!(api.get(&path).await.problem(), "not-found");
    }
    assert_eq!(api.post(&format!("/api/v1/jobs/{id}/cancel"), &json!({})).await.problem(), "not-found");
    assert_eq!(api.get(PATH).await.body["jobs"], json!([]));
    origin.stop();
}
