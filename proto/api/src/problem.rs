//! Problem documents (RFC 9457): the one way in which either door refuses.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident $slug:literal $status:literal $title:literal,)*) => {
        /// Every reason for a refusal. The slug is part of the public API and never changes.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum Kind { $($(#[$doc])* $kind,)* }

        impl Kind {
            pub const ALL: &'static [Self] = &[$(Self::$kind,)*];

            #[must_use]
            pub fn slug(self) -> &'static str {
                match self { $(Self::$kind => $slug,)* }
            }

            /// The HTTP status it is answered with.
            #[must_use]
            pub fn status(self) -> u16 {
                match self { $(Self::$kind => $status,)* }
            }

            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(Self::$kind => $title,)* }
            }
        }
    };
}

kinds! {
    MalformedJson "malformed-json" 400 "The body is not JSON",
    TooDeep "too-deep" 400 "The body is nested too deeply",
    InvalidRequest "invalid-request" 400 "The request is not valid",
    Unauthenticated "unauthenticated" 401 "The caller is not known",
    Denied "denied" 403 "A policy does not allow this",
    NotFound "not-found" 404 "There is nothing here",
    MethodNotAllowed "method-not-allowed" 405 "The method does not apply here",
    /// A reader was slower than what it read, and what it missed is no longer kept.
    SlowReader "slow-reader" 408 "The reader is too slow",
    /// It doesn't fit what is there: a finished job can't be cancelled, a key is in use by a call under way.
    Conflict "conflict" 409 "It conflicts with what is there",
    /// What was told of it is no longer kept.
    StreamGone "stream-gone" 410 "The stream is gone",
    TooLarge "too-large" 413 "The body is too large",
    UnsupportedMediaType "unsupported-media-type" 415 "The content type is not supported",
    UnknownTopic "unknown-topic" 422 "The topic is not known",
    UnknownModel "unknown-model" 404 "The model is not known",
    SecretInInput "secret-in-input" 422 "The input holds a secret",
    IdempotencyMismatch "idempotency-mismatch" 422 "The idempotency key stands for another request",
    Overloaded "overloaded" 429 "There is too much to do",
    HeadersTooLarge "headers-too-large" 431 "The headers are too large",
    Internal "internal" 500 "Something broke on our side",
    WorkerFailed "worker-failed" 502 "The worker failed",
    OriginAway "origin-away" 503 "The origin can't be reached",
    Unavailable "unavailable" 503 "Nothing can take this now",
    Timeout "timeout" 504 "It took too long",
    /// The tenant's jobs take as much room as they may.
    StorageFull "storage-full" 507 "The tenant's storage is full",
}

impl Kind {
    /// The stable `type` of the document.
    #[must_use]
    pub fn urn(self) -> String {
        format!("urn:cortex:problem:{}", self.slug())
    }

    fn openai_type(self) -> &'static str {
        match self.status() {
            401 => "authentication_error",
            403 => "permission_error",
            429 => "rate_limit_error",
            500.. => "server_error",
            _ => "invalid_request_error",
        }
    }
}

/// A refusal. `detail` is for people: what failed and what to do, without anything internal.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
#[error("{}: {detail}", kind.slug())]
pub struct Problem {
    pub kind: Kind,
    pub detail: String,
    pub extensions: Map<String, Value>,
}

impl Problem {
    #[must_use]
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), extensions: Map::new() }
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
            r#type: self.kind.urn(),
            title: self.kind.title().to_owned(),
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
        Rendered { status: self.kind.status(), content_type, retry_after, headers, body: body.to_string() }
    }

    /// What HTTP demands beside a status: what would be accepted instead.
    fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = Vec::new();
        if self.kind == Kind::Unauthenticated {
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
        document.insert("type".to_owned(), self.kind.urn().into());
        document.insert("title".to_owned(), self.kind.title().into());
        document.insert("status".to_owned(), self.kind.status().into());
        document.insert("detail".to_owned(), self.detail.as_str().into());
        Value::Object(document)
    }

    fn openai(&self) -> Value {
        json!({"error": {
            "message": self.detail,
            "type": self.kind.openai_type(),
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

/// The shape in which a route's callers expect errors.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// RFC 9457.
    Problem,
    /// `{"error": {...}}`, on `/v1/*`.
    OpenAi,
}

impl Shape {
    #[must_use]
    pub fn for_path(path: &str) -> Self {
        if path == "/v1" || path.starts_with("/v1/") { Self::OpenAi } else { Self::Problem }
    }
}

/// Why a job ended without a result; also the head of any problem document, for reading one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ErrorView {
    pub r#type: String,
    pub title: String,
    pub detail: String,
    /// The parameter of the request that is at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub param: Option<String>,
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_problem_is_a_document_with_its_extensions() {
        let problem = Problem::new(Kind::UnknownTopic, "no worker takes `job.nope`")
            .with("known_topics", vec!["job.echo", "job.embed"]);
        let rendered = problem.render(Shape::for_path("/api/v1/jobs"));
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
        let problem = Problem::new(Kind::InvalidRequest, "`dimensions` is not supported").at("dimensions");
        let rendered = problem.render(Shape::for_path("/v1/embeddings"));
        assert_eq!(
            serde_json::from_str::<Value>(&rendered.body).unwrap(),
            json!({"error": {
                "message": "`dimensions` is not supported",
                "type": "invalid_request_error",
                "param": "dimensions",
                "code": "invalid-request",
            }})
        );
        assert_eq!(Shape::for_path("/v1x"), Shape::Problem);
    }

    #[test]
    fn a_refusal_says_what_would_be_accepted_in_the_headers_that_http_names() {
        let headers = |problem: Problem| problem.render(Shape::Problem).headers;
        let bearer = ("www-authenticate", "Bearer realm=\"cortex\"".to_owned());
        assert_eq!(headers(Problem::new(Kind::Unauthenticated, "no")), [bearer]);
        let wrong = Problem::new(Kind::MethodNotAllowed, "no").with("allow", vec!["GET", "POST"]);
        assert_eq!(headers(wrong), [("allow", "GET, POST".to_owned())]);
        assert_eq!(headers(Problem::new(Kind::NotFound, "no")), []);
    }

    #[test]
    fn a_wait_is_told_in_body_and_header() {
        let rendered = Problem::new(Kind::OriginAway, "try again")
            .retry_after(Duration::from_millis(10))
            .render(Shape::Problem);
        assert_eq!(rendered.retry_after, Some(1));
        assert!(rendered.body.contains("\"retry_after\":1"));
    }

    #[test]
    fn an_extension_never_replaces_a_standard_member() {
        let problem = Problem::new(Kind::Denied, "no").with("status", 200);
        assert!(problem.render(Shape::Problem).body.contains("\"status\":403"));
    }

    #[test]
    fn slugs_are_unique() {
        let slugs: HashSet<_> = Kind::ALL.iter().map(|kind| kind.slug()).collect();
        assert_eq!(slugs.len(), Kind::ALL.len());
    }

    #[test]
    fn a_document_reads_as_an_error_view() {
        let problem = Problem::new(Kind::Denied, "no").with("rule", "r1");
        for problem in [problem.clone(), problem.at("labels")] {
            let read: ErrorView = serde_json::from_str(&problem.render(Shape::Problem).body).unwrap();
            assert_eq!(read, problem.view());
        }
    }
}
