//! The public API as a caller sees it. Tests use the client for plain calls, and raw HTTP to look
//! at statuses and headers or to send invalid requests.

use std::time::Duration;

use cortex_client::CallError;
use cortex_domain::id::JobId;
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::wait;

/// The address of an API and a key for it.
#[derive(Debug, Clone)]
pub struct Api {
    pub url: String,
    pub key: String,
    client: Client,
}

/// A response, read completely.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Answer {
    /// Returns the slug of the problem, in either shape.
    #[must_use]
    pub fn problem(&self) -> &str {
        let slug = self.body["type"].as_str().and_then(|urn| urn.rsplit(':').next());
        slug.or_else(|| self.body["error"]["code"].as_str()).unwrap_or("none")
    }

    /// Returns the text of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Returns the job's id.
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

    /// Returns the same API with another key.
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

    /// Submits a job and waits for its result in the same request.
    pub async fn submit_and_wait(&self, topic: &str, input: Value, seconds: u64) -> Answer {
        let body = json!({ "topic": topic, "input": input });
        read(
            self.request(Method::POST, "/api/v1/jobs")
                .header("prefer", format!("wait={seconds}"))
                .json(&body),
        )
        .await
    }

    /// Returns a client of the API with this key.
    #[must_use]
    pub fn client(&self) -> cortex_client::Api {
        cortex_client::Api::new(&self.url, &self.key).unwrap()
    }

    /// Returns a job as the API shows it.
    pub async fn job(&self, id: &str) -> Value {
        let view = self.client().job(job_id(id)).await;
        serde_json::to_value(view.unwrap_or_else(|error| panic!("job {id}: {error}"))).unwrap()
    }

    /// Waits until a job is in one of `states`.
    pub async fn job_in(&self, id: &str, states: &[&str], limit: Duration) -> Value {
        let (client, job) = (self.client(), job_id(id));
        wait::until(&format!("job {id} in {states:?}"), limit, async || {
            let view = match client.job(job).await {
                Ok(view) => view,
                // The API may be down for a moment, or not know the job yet.
                Err(CallError::Refused(_) | CallError::Unreachable { .. }) => return None,
                Err(error) => panic!("job {id}: {error}"),
            };
            states.contains(&view.state.as_str()).then(|| serde_json::to_value(view).unwrap())
        })
        .await
    }

    /// Waits until a job has ended.
    pub async fn ended(&self, id: &str, limit: Duration) -> Value {
        self.job_in(id, &["SUCCEEDED", "FAILED", "CANCELLED", "TIMEOUT", "DENIED"], limit).await
    }

    /// Returns the names of a job's events, in order.
    pub async fn events(&self, id: &str) -> Vec<String> {
        let events = self.client().events(job_id(id)).await;
        let events = events.unwrap_or_else(|error| panic!("the events of job {id}: {error}"));
        events.into_iter().map(|event| event.name).collect()
    }
}

fn job_id(text: &str) -> JobId {
    text.parse().unwrap_or_else(|error| panic!("{text:?} is no job's id: {error}"))
}

/// Sends a request and reads the whole response.
pub async fn read(request: RequestBuilder) -> Answer {
    let response: Response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Answer { status, headers, body }
}
