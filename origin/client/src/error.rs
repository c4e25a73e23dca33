//! Why a call failed.

use std::fmt;

use cortex_api::problem::ErrorView;
use reqwest::{StatusCode, Url};
use serde_json::Value;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The address is invalid.
    #[error("{text:?} is no address of an API: {why}")]
    Address { text: String, why: String },
    #[error("{url} can't be reached: {cause}")]
    Unreachable { url: String, cause: String },
    #[error("{0}")]
    Refused(Refused),
    /// The answer is not one that the API gives.
    #[error("{url} gave an answer that is not CortexOS's: {cause}")]
    Unreadable { url: String, cause: String },
    /// The request can't be built.
    #[error("the request can't be sent: {0}")]
    Unsent(String),
}

/// A refusal: the problem document, as far as there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub status: StatusCode,
    /// The problem's slug, as in `unknown-topic`.
    pub slug: Option<String>,
    pub detail: String,
    /// Seconds.
    pub retry_after: Option<u64>,
}

impl CallError {
    pub(crate) fn unreachable(url: &Url, error: &reqwest::Error) -> Self {
        let cause = if error.is_timeout() { "no answer in time".into() } else { innermost(error) };
        Self::Unreachable { url: url.origin().ascii_serialization(), cause }
    }

    pub(crate) fn unreadable(url: &Url, cause: impl fmt::Display) -> Self {
        Self::Unreadable { url: url.origin().ascii_serialization(), cause: cause.to_string() }
    }
}

impl Refused {
    /// Reads a problem document, or the same in OpenAI's shape; anything else is cited.
    pub(crate) fn read(status: StatusCode, body: &[u8]) -> Self {
        let document = serde_json::from_slice::<Value>(body).unwrap_or_default();
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let (openai, plain) = (&document["error"], &document);
        let detail = text(&plain["detail"]).or_else(|| text(&openai["message"]));
        let slug = text(&plain["type"]).and_then(|urn| Some(urn.rsplit_once(':')?.1.to_owned()));
        Self {
            status,
            slug: slug.or_else(|| text(&openai["code"])),
            detail: detail.unwrap_or_else(|| cited(body)),
            retry_after: plain["retry_after"].as_u64(),
        }
    }

    /// What a stream ends with when it breaks.
    pub(crate) fn of_stream(view: ErrorView) -> Self {
        let slug = view.r#type.rsplit_once(':').map(|(_, slug)| slug.to_owned());
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, slug, detail: view.detail, retry_after: None }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.slug {
            Some(slug) => write!(f, "{slug}: {}", self.detail)?,
            None => write!(f, "answered {}: {}", self.status.as_u16(), self.detail)?,
        }
        match self.retry_after {
            Some(seconds) => write!(f, " (try again in {seconds} s)"),
            None => Ok(()),
        }
    }
}

/// The cause that says something: "connection refused", "name not known".
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// The start of what some proxy wrote, on one line.
fn cited(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() { "nothing more".into() } else { line.chars().take(200).collect() }
}

#[cfg(test)]
mod tests {
    use cortex_api::{Problem, Shape};
    use cortex_domain::ErrorCode;

    use super::*;

    fn refused(status: u16, body: &str) -> Refused {
        Refused::read(StatusCode::from_u16(status).unwrap(), body.as_bytes())
    }

    #[test]
    fn both_shapes_of_a_problem_read_the_same() {
        let problem = Problem::new(ErrorCode::UnknownTopic, "there is no `job.nap`");
        for shape in [Shape::Problem, Shape::OpenAi] {
            let read = refused(422, &problem.render(shape).body);
            assert_eq!(read.to_string(), "unknown-topic: there is no `job.nap`");
        }
    }

    #[test]
    fn what_is_no_problem_is_cited_on_one_line() {
        assert_eq!(refused(502, "<h1>\n Bad   gateway").to_string(), "answered 502: <h1> Bad gateway");
        assert_eq!(refused(502, "").to_string(), "answered 502: nothing more");
    }

    #[test]
    fn a_refusal_says_when_to_try_again() {
        let body = r#"{"type":"urn:cortex:problem:overloaded","detail":"busy","retry_after":3}"#;
        assert_eq!(refused(429, body).to_string(), "overloaded: busy (try again in 3 s)");
    }
}
