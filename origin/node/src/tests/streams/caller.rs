//! Callers of several tenants behind a simulated edge, which signs their requests.

use std::net::SocketAddr;

use cortex_api::headers;
use cortex_guard::signature::{Keyring, Nonce, Request, sign};
use cortex_platform::clock::Clock;
use cortex_platform::entropy;
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};

use super::test_node::TestNode;

#[derive(Debug, Clone)]
pub(super) struct Caller {
    http: Client,
    address: SocketAddr,
    edge_keys: Keyring,
    instance: String,
    tenant: String,
    key: String,
}

impl Caller {
    /// Returns a caller of a tenant with an API key, which knows the instance to sign for.
    pub(super) async fn of(node: &TestNode, tenant: &str, key: &str) -> Self {
        let mut caller = Self {
            http: Client::new(),
            address: node.origin.gateway.as_ref().unwrap().address,
            edge_keys: node.edge_keys.clone(),
            instance: String::new(),
            tenant: tenant.to_owned(),
            key: key.to_owned(),
        };
        let refused = caller.get("/v1/models", &[]).await;
        caller.instance = refused.headers()["cortex-instance"].to_str().unwrap().to_owned();
        caller
    }

    pub(super) async fn post(&self, path: &str, body: &Value, more: &[(&str, &str)]) -> Response {
        self.send(Method::POST, path, body.to_string(), more).await
    }

    pub(super) async fn get(&self, path: &str, more: &[(&str, &str)]) -> Response {
        self.send(Method::GET, path, String::new(), more).await
    }

    /// Submits a job without a worker.
    pub(super) async fn submit(&self) -> Response {
        self.post("/api/v1/jobs", &json!({"topic": "job.echo", "input": 1}), &[]).await
    }

    /// Returns the signed head of a request with a JSON body.
    pub(super) fn head(
        &self,
        method: &Method,
        path: &str,
        body: &[u8],
        more: &[(&str, &str)],
    ) -> Vec<(String, String)> {
        let content_type = if body.is_empty() { "" } else { "application/json" };
        let request = Request { method: method.as_str(), path, query: "", content_type, body };
        let mut all = vec![
            (headers::TENANT, self.tenant.as_str()),
            (headers::PRINCIPAL, "ci"),
            (headers::ROLES, ""),
            (headers::CALLER_KEY, &self.key),
        ];
        if !more.iter().any(|(name, _)| *name == "accept") {
            all.push(("accept", "*/*"));
        }
        if !self.instance.is_empty() {
            all.push((headers::INSTANCE, &self.instance));
        }
        all.extend(more);
        let mut all: Vec<_> =
            all.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let nonce = Nonce::new(entropy::random());
        let stamp = sign(&request, all.clone(), self.edge_keys.current(), Clock::system().now(), nonce);
        all.extend(stamp.unwrap().map(|(name, value)| (name.to_owned(), value)));
        if !content_type.is_empty() {
            all.push(("content-type".to_owned(), content_type.to_owned()));
        }
        all
    }

    async fn send(&self, method: Method, path: &str, body: String, more: &[(&str, &str)]) -> Response {
        let head = self.head(&method, path, body.as_bytes(), more);
        let request = self.http.request(method, format!("http://{}{path}", self.address));
        let request = head.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        request.body(body).send().await.unwrap()
    }
}
