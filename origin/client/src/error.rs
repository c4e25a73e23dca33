//! Why a call failed.

use std::fmt;

use cortex_api::problem::ErrorView;
use reqwest::{StatusCode, Url};
use serde_json::Value;

/// How many characters of a body that is not a problem document an error quotes.
const MAX_EXCERPT_CHARS: usize = 200;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error("invalid address {text:?}: {reason}")]
    InvalidAddress { text: String, reason: String },
    /// No connection, or no response in time.
    #[error("can't reach {url}: {cause}")]
    Unreachable { url: String, cause: String },
    /// The API returned an error.
    #[error("{0}")]
    Refused(ApiError),
    /// The response doesn't come from a CortexOS API, or is cut off.
    #[error("unexpected response from {url}: {cause}")]
    InvalidResponse { url: String, cause: String },
    #[error("can't build the request: {0}")]
    InvalidRequest(String),
}

/// An error that the API returned: its problem document, or an excerpt of any other body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    pub status: StatusCode,
    /// The last segment of the problem's type, such as `unknown-topic`.
    pub slug: Option<String>,
    pub detail: String,
    /// Seconds to wait before a retry.
    pub retry_after: Option<u64>,
}

impl CallError {
    pub(crate) fn unreachable(url: &Url, error: &reqwest::Error) -> Self {
        let cause = if error.is_timeout() { "no response in time".into() } else { root_cause(error) };
        Self::Unreachable { url: url.origin().ascii_serialization(), cause }
    }

    pub(crate) fn invalid_response(url: &Url, cause: impl fmt::Display) -> Self {
        Self::InvalidResponse { url: url.origin().ascii_serialization(), cause: cause.to_string() }
    }

    /// Returns the error for a stream that sent nothing, not even a comment, for too long.
    pub(crate) fn idle(url: &Url) -> Self {
        let cause = "the stream stopped sending data".to_owned();
        Self::Unreachable { url: url.origin().ascii_serialization(), cause }
    }
}

impl ApiError {
    /// Reads a problem document or OpenAI's error object. Quotes the start of any other body.
    pub(crate) fn read(status: StatusCode, body: &[u8]) -> Self {
        let document = serde_json::from_slice::<Value>(body).unwrap_or_default();
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let (openai, problem) = (&document["error"], &document);
        let detail = text(&problem["detail"]).or_else(|| text(&openai["message"]));
        let slug = text(&problem["type"]).and_then(|urn| Some(urn.rsplit_once(':')?.1.to_owned()));
        Self {
            status,
            slug: slug.or_else(|| text(&openai["code"])),
            detail: detail.unwrap_or_else(|| excerpt(body)),
            retry_after: problem["retry_after"].as_u64(),
        }
    }

    /// Converts the error event that ends a broken stream.
    pub(crate) fn of_stream(view: ErrorView) -> Self {
        let slug = view.r#type.rsplit_once(':').map(|(_, slug)| slug.to_owned());
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, slug, detail: view.detail, retry_after: None }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.slug {
            Some(slug) => write!(f, "{slug}: {}", self.detail)?,
            None => write!(f, "HTTP {}: {}", self.status.as_u16(), self.detail)?,
        }
        match self.retry_after {
            Some(seconds) => write!(f, " (try again in {seconds} s)"),
            None => Ok(()),
        }
    }
}

/// Returns the innermost cause, which names the problem: "connection refused", "name not known".
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// Returns the start of a body on one line.
fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() { "empty response".into() } else { line.chars().take(MAX_EXCERPT_CHARS).collect() }
}

#[cfg(test)]
mod tests {
    use cortex_api::{Problem, Shape};
    use cortex_domain::ErrorCode;

    use super::*;

    fn api_error(status: u16, body: &str) -> ApiError {
        ApiError::read(StatusCode::from_u16(status).unwrap(), body.as_bytes())
    }

    #[test]
    fn both_shapes_of_a_problem_read_the_same() {
        let problem = Problem::new(ErrorCode::UnknownTopic, "there is no `job.nap`");
        for shape in [Shape::Problem, Shape::OpenAi] {
            let read = api_error(422, &problem.render(shape).body);
            assert_eq!(read.to_string(), "unknown-topic: there is no `job.nap`");
        }
    }

    #[test]
    fn another_body_is_quoted_on_one_line() {
        assert_eq!(api_error(502, "<h1>\n Bad   gateway").to_string(), "HTTP 502: <h1> Bad gateway");
        assert_eq!(api_error(502, "").to_string(), "HTTP 502: empty response");
    }

    #[test]
    fn an_error_says_when_to_try_again() {
        let body = r#"{"type":"urn:cortex:problem:overloaded","detail":"busy","retry_after":3}"#;
        assert_eq!(api_error(429, body).to_string(), "overloaded: busy (try again in 3 s)");
    }
}
