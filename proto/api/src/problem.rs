//! Problem documents (RFC 9457): the one way in which either door refuses.

use std::time::Duration;

use cortex_domain::ErrorCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

#[cfg(feature = "schema")]
pub(crate) mod schema;

/// The HTTP status that a code is answered with.
#[must_use]
pub fn status(code: ErrorCode) -> u16 {
    rendering(code).0
}

/// The title of a code's document.
#[must_use]
pub fn title(code: ErrorCode) -> &'static str {
    rendering(code).1
}

/// The stable `type` of a code's document.
#[must_use]
pub fn urn(code: ErrorCode) -> String {
    format!("urn:cortex:problem:{}", code.slug())
}

fn rendering(code: ErrorCode) -> (u16, &'static str) {
    match code {
        ErrorCode::MalformedJson => (400, "The body is not JSON"),
        ErrorCode::TooDeep => (400, "The body is nested too deeply"),
        ErrorCode::InvalidRequest => (400, "The request is not valid"),
        ErrorCode::Unauthenticated => (401, "The caller is not known"),
        ErrorCode::Denied => (403, "A policy does not allow this"),
        ErrorCode::NotFound => (404, "There is nothing here"),
        ErrorCode::MethodNotAllowed => (405, "The method does not apply here"),
        ErrorCode::SlowReader => (408, "The reader is too slow"),
        ErrorCode::Conflict => (409, "It conflicts with what is there"),
        ErrorCode::StreamGone => (410, "The stream is gone"),
        ErrorCode::TooLarge => (413, "The body is too large"),
        ErrorCode::UnsupportedMediaType => (415, "The content type is not supported"),
        ErrorCode::UnknownTopic => (422, "The topic is not known"),
        ErrorCode::UnknownModel => (404, "The model is not known"),
        ErrorCode::SecretInInput => (422, "The input holds a secret"),
        ErrorCode::IdempotencyMismatch => (422, "The idempotency key stands for another request"),
        ErrorCode::Overloaded => (429, "There is too much to do"),
        ErrorCode::HeadersTooLarge => (431, "The headers are too large"),
        ErrorCode::Internal => (500, "Something broke on our side"),
        ErrorCode::WorkerFailed => (502, "The worker failed"),
        ErrorCode::OriginAway => (503, "The origin can't be reached"),
        ErrorCode::Unavailable => (503, "Nothing can take this now"),
        ErrorCode::Timeout => (504, "It took too long"),
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

/// A refusal. `detail` is for people: what failed and what to do, without anything internal.
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

    /// The HTTP status that it is answered with.
    #[must_use]
    pub fn status(&self) -> u16 {
        status(self.kind)
    }

    /// Adds a member of its own to the document.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.extensions.insert(name.to_owned(), value.into());
        self
    }

    /// Names the field of the body that is at fault.
    #[must_use]
    pub fn at(self, param: impl Into<String>) -> Self {
        self.with("param", param.into())
    }

    /// The field that [`Self::at`] named.
    #[must_use]
    pub fn param(&self) -> Option<&str> {
        self.extensions.get("param").and_then(Value::as_str)
    }

    /// Says when to try again; also the `Retry-After` header.
    #[must_use]
    pub fn retry_after(self, wait: Duration) -> Self {
        self.with("retry_after", wait.as_secs().max(1))
    }

    /// What [`Self::retry_after`] said.
    #[must_use]
    pub fn wait(&self) -> Option<Duration> {
        self.extensions.get("retry_after").and_then(Value::as_u64).map(Duration::from_secs)
    }

    /// What a job's view carries of it.
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

    /// What HTTP demands beside a status: what would be accepted instead.
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
    /// Headers that go with the status, beside the two above; names in lower case.
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

/// The shape in which a route's callers expect errors; [`crate::routes::shape`] knows each path's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// RFC 9457.
    Problem,
    /// `{"error": {...}}`, on `/v1/*`.
    OpenAi,
}

/// Why a job ended without a result.
///
/// Also the head of any problem document, for reading one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ErrorView {
    #[cfg_attr(feature = "schema", schemars(extend("format" = "uri")))]
    pub r#type: String,
    pub title: String,
    pub detail: String,
    /// The parameter of the request that is at fault.
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
                "title": "The topic is not known",
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
    fn a_wait_is_told_in_body_and_header() {
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
