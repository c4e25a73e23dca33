//! The public API, as a caller sees it.

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::wait;

/// A door and a key to it.
#[derive(Debug, Clone)]
pub struct Api {
    pub url: String,
    pub key: String,
    client: Client,
}

/// An answer, read whole.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Answer {
    /// The slug of the problem it is, in either shape.
    #[must_use]
    pub fn problem(&self) -> &str {
        let slug = self.body["type"].as_str().and_then(|urn| urn.rsplit(':').next());
        slug.or_else(|| self.body["error"]["code"].as_str()).unwrap_or("none")
    }

    /// A header's text.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The job's id.
    #[must_use]
    pub fn id(&self) -> String {
        self.body["id"].as_str().unwrap_or_else(|| panic!("no id in {self:?}")).to_owned()
    }
}

impl Api {
    #[must_use]
    pub fn new(url: &str, key: &str) -> Self {
        let client = Client::builder().timeout(Duration::from_secs(90)).build().unwrap();
        Self { url: url.to_owned(), key: key.to_owned(), client }
    }

    /// The same door with another key.
    #[must_use]
    pub fn with_key(&self, key: &str) -> Self {
        Self { key: key.to_owned(), ..self.clone() }
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url)).bearer_auth(&self.key)
    }

    pub async fn get(&self, path: &str) -> Answer {
        read(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        read(self.request(Method::POST, path).json(body)).await
    }

    /// Submits a job.
    pub async fn submit(&self, topic: &str, input: Value) -> Answer {
        self.post("/api/v1/jobs", &json!({ "topic": topic, "input": input })).await
    }

    /// Submits a job and waits for its end in the same call.
    pub async fn submit_and_wait(&self, topic: &str, input: Value, seconds: u64) -> Answer {
        let body = json!({ "topic": topic, "input": input });
        read(
            self.request(Method::POST, "/api/v1/jobs")
                .header("prefer", format!("wait={seconds}"))
                .json(&body),
        )
        .await
    }

    pub async fn job(&self, id: &str) -> Value {
        let answer = self.get(&format!("/api/v1/jobs/{id}")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    }

    /// Waits until a job is in one of `states`.
    pub async fn job_in(&self, id: &str, states: &[&str], limit: Duration) -> Value {
        wait::until(&format!("job {id} in {states:?}"), limit, async || {
            let answer = self.get(&format!("/api/v1/jobs/{id}")).await;
            let state = answer.body["state"].as_str().unwrap_or_default();
            states.contains(&state).then(|| answer.body.clone())
        })
        .await
    }

    /// Waits until a job has ended.
    pub async fn ended(&self, id: &str, limit: Duration) -> Value {
        self.job_in(id, &["SUCCEEDED", "FAILED", "CANCELLED", "TIMEOUT", "DENIED"], limit).await
    }

    /// The names of a job's events, in order.
    pub async fn events(&self, id: &str) -> Vec<String> {
        let answer = self.get(&format!("/api/v1/jobs/{id}/events")).await;
        let events = answer.body["events"].as_array().unwrap_or_else(|| panic!("{answer:?}"));
        events.iter().map(|event| event["name"].as_str().unwrap().to_owned()).collect()
    }
}

/// Sends a request and reads the whole answer.
pub async fn read(request: RequestBuilder) -> Answer {
    let response: Response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Answer { status, headers, body }
}
