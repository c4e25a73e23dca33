//! Problem documents (RFC 9457), in which the edge and the gateway report every error.

use std::time::Duration;

use cortex_domain::ErrorCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

#[cfg(feature = "schema")]
pub(crate) mod schema;

/// Returns the HTTP status of an error code.
#[must_use]
pub fn status(code: ErrorCode) -> u16 {
    rendering(code).0
}

/// Returns the title of an error code.
#[must_use]
pub fn title(code: ErrorCode) -> &'static str {
    rendering(code).1
}

/// Returns the stable `type` of an error code.
#[must_use]
pub fn urn(code: ErrorCode) -> String {
    format!("urn:cortex:problem:{}", code.slug())
}

fn rendering(code: ErrorCode) -> (u16, &'static str) {
    match code {
        ErrorCode::MalformedJson => (400, "The body is not valid JSON"),
        ErrorCode::TooDeep => (400, "The body is nested too deeply"),
        ErrorCode::InvalidRequest => (400, "The request is invalid"),
        ErrorCode::Unauthenticated => (401, "The caller is not authenticated"),
        ErrorCode::Denied => (403, "A policy denies the request"),
        ErrorCode::NotFound => (404, "The resource was not found"),
        ErrorCode::MethodNotAllowed => (405, "The method is not allowed"),
        ErrorCode::SlowReader => (408, "The client reads too slowly"),
        ErrorCode::Conflict => (409, "The request conflicts with the current state"),
        ErrorCode::StreamGone => (410, "The stream is no longer available"),
        ErrorCode::TooLarge => (413, "The body is too large"),
        ErrorCode::UnsupportedMediaType => (415, "The content type is not supported"),
        ErrorCode::UnknownTopic => (422, "The topic is unknown"),
        ErrorCode::UnknownModel => (404, "The model is unknown"),
        ErrorCode::SecretInInput => (422, "The input contains a secret"),
        ErrorCode::IdempotencyMismatch => (422, "The idempotency key was used for a different request"),
        ErrorCode::Overloaded => (429, "The service is overloaded"),
        ErrorCode::HeadersTooLarge => (431, "The headers are too large"),
        ErrorCode::Internal => (500, "An internal error occurred"),
        ErrorCode::WorkerFailed => (502, "The worker failed"),
        ErrorCode::OriginAway => (503, "The origin can't be reached"),
        ErrorCode::Unavailable => (503, "The service is unavailable"),
        ErrorCode::Timeout => (504, "The request timed out"),
        ErrorCode::StorageFull => (507, "The tenant's storage is full"),
    }
}

fn openai_type(code: ErrorCode) -> &'static str {
    match status(code) {
        401 => "authentication_error",
        403 => "permission_error",
        429 => "rate_limit_error",
        500.. => "server_error",
        _ => "invalid_request_error",
    }
}

/// An error for a caller. `detail` is for people: what failed and what to do, without internals.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
#[error("{}: {detail}", kind.slug())]
pub struct Problem {
    pub kind: ErrorCode,
    pub detail: String,
    pub extensions: Map<String, Value>,
}

impl Problem {
    #[must_use]
    pub fn new(kind: ErrorCode, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), extensions: Map::new() }
    }

    /// Returns the HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        status(self.kind)
    }

    /// Adds an extension member to the document.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.extensions.insert(name.to_owned(), value.into());
        self
    }

    /// Names the invalid field of the body.
    #[must_use]
    pub fn at(self, param: impl Into<String>) -> Self {
        self.with("param", param.into())
    }

    /// Returns the field that [`Self::at`] set.
    #[must_use]
    pub fn param(&self) -> Option<&str> {
        self.extensions.get("param").and_then(Value::as_str)
    }

    /// Sets when to try again, which is also the `Retry-After` header.
    #[must_use]
    pub fn retry_after(self, wait: Duration) -> Self {
        self.with("retry_after", wait.as_secs().max(1))
    }

    /// Returns the time that [`Self::retry_after`] set.
    #[must_use]
    pub fn wait(&self) -> Option<Duration> {
        self.extensions.get("retry_after").and_then(Value::as_u64).map(Duration::from_secs)
    }

    /// Returns the form that a job's view contains.
    #[must_use]
    pub fn view(&self) -> ErrorView {
        ErrorView {
            r#type: urn(self.kind),
            title: title(self.kind).to_owned(),
            detail: self.detail.clone(),
            param: self.param().map(str::to_owned),
        }
    }

    #[must_use]
    pub fn render(&self, shape: Shape) -> Rendered {
        let body = match shape {
            Shape::Problem => self.document(),
            Shape::OpenAi => self.openai(),
        };
        let content_type = match shape {
            Shape::Problem => "application/problem+json",
            Shape::OpenAi => "application/json",
        };
        let retry_after = self.wait().map(|wait| wait.as_secs());
        let headers = self.headers();
        Rendered { status: status(self.kind), content_type, retry_after, headers, body: body.to_string() }
    }

    /// Returns the headers that HTTP requires with a status, which name the accepted alternatives.
    fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = Vec::new();
        if self.kind == ErrorCode::Unauthenticated {
            headers.push(("www-authenticate", "Bearer realm=\"cortex\"".to_owned()));
        }
        if let Some(coding) = self.extensions.get("accept_encoding").and_then(Value::as_str) {
            headers.push(("accept-encoding", coding.to_owned()));
        }
        if let Some(methods) = self.extensions.get("allow").and_then(Value::as_array) {
            let methods: Vec<_> = methods.iter().filter_map(Value::as_str).collect();
            headers.push(("allow", methods.join(", ")));
        }
        headers
    }

    fn document(&self) -> Value {
        let mut document = self.extensions.clone();
        document.insert("type".to_owned(), urn(self.kind).into());
        document.insert("title".to_owned(), title(self.kind).into());
        document.insert("status".to_owned(), status(self.kind).into());
        document.insert("detail".to_owned(), self.detail.as_str().into());
        Value::Object(document)
    }

    fn openai(&self) -> Value {
        json!({"error": {
            "message": self.detail,
            "type": openai_type(self.kind),
            "param": self.param(),
            "code": self.kind.slug(),
        }})
    }
}

/// A problem as bytes and headers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rendered {
    pub status: u16,
    pub content_type: &'static str,
    /// Seconds, for `Retry-After`.
    pub retry_after: Option<u64>,
    /// Further headers that belong to the status. Names are in lower case.
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

/// The format of a route's errors. [`crate::routes::shape`] returns it for each path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// RFC 9457.
    Problem,
    /// `{"error": {...}}`, on `/v1/*`.
    OpenAi,
}

/// Why a job ended without a result.
///
/// It is also the common part of every problem document, for parsing one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ErrorView {
    #[cfg_attr(feature = "schema", schemars(extend("format" = "uri")))]
    pub r#type: String,
    pub title: String,
    pub detail: String,
    /// The invalid parameter of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub param: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_a_document_with_its_extensions() {
        let problem = Problem::new(ErrorCode::UnknownTopic, "no worker takes `job.nope`")
            .with("known_topics", vec!["job.echo", "job.embed"]);
        let rendered = problem.render(Shape::Problem);
        assert_eq!((rendered.status, rendered.content_type), (422, "application/problem+json"));
        assert_eq!(
            serde_json::from_str::<Value>(&rendered.body).unwrap(),
            json!({
                "type": "urn:cortex:problem:unknown-topic",
                "title": "The topic is unknown",
                "status": 422,
                "detail": "no worker takes `job.nope`",
                "known_topics": ["job.echo", "job.embed"],
            })
        );
    }

    #[test]
    fn the_openai_routes_get_the_openai_shape() {
        let problem =
            Problem::new(ErrorCode::InvalidRequest, "`dimensions` is not supported").at("dimensions");
        let rendered = problem.render(Shape::OpenAi);
        assert_eq!(
            serde_json::from_str::<Value>(&rendered.body).unwrap(),
            json!({"error": {
                "message": "`dimensions` is not supported",
                "type": "invalid_request_error",
                "param": "dimensions",
                "code": "invalid-request",
            }})
        );
    }

    #[test]
    fn a_refusal_says_what_would_be_accepted_in_the_headers_that_http_names() {
        let headers = |problem: Problem| problem.render(Shape::Problem).headers;
        let bearer = ("www-authenticate", "Bearer realm=\"cortex\"".to_owned());
        assert_eq!(headers(Problem::new(ErrorCode::Unauthenticated, "no")), [bearer]);
        let wrong = Problem::new(ErrorCode::MethodNotAllowed, "no").with("allow", vec!["GET", "POST"]);
        assert_eq!(headers(wrong), [("allow", "GET, POST".to_owned())]);
        assert_eq!(headers(Problem::new(ErrorCode::NotFound, "no")), []);
    }

    #[test]
    fn a_wait_is_in_the_body_and_the_header() {
        let rendered = Problem::new(ErrorCode::OriginAway, "try again")
            .retry_after(Duration::from_millis(10))
            .render(Shape::Problem);
        assert_eq!(rendered.retry_after, Some(1));
        assert!(rendered.body.contains("\"retry_after\":1"));
    }

    #[test]
    fn an_extension_never_replaces_a_standard_member() {
        let problem = Problem::new(ErrorCode::Denied, "no").with("status", 200);
        assert!(problem.render(Shape::Problem).body.contains("\"status\":403"));
    }

    #[test]
    fn a_document_reads_as_an_error_view() {
        let problem = Problem::new(ErrorCode::Denied, "no").with("rule", "r1");
        for problem in [problem.clone(), problem.at("labels")] {
            let read: ErrorView = serde_json::from_str(&problem.render(Shape::Problem).body).unwrap();
            assert_eq!(read, problem.view());
        }
    }
}
