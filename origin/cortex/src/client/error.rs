//! Why a call brought nothing, and the exit code that says so.

use std::fmt;

use cortex_api::problem::ErrorView;
use reqwest::{StatusCode, Url};
use serde_json::Value;

use crate::exit::{Exit, Failure};

/// Why a call brought nothing. Not a `std::error::Error`, so that `?` gives it the exit code of its own.
#[derive(Debug)]
pub(crate) enum CallError {
    /// The address is none.
    Address {
        text: String,
        why: String,
    },
    Unreachable {
        url: String,
        cause: String,
    },
    Refused(Refused),
    /// The answer is not what the API answers.
    Unreadable {
        url: String,
        cause: String,
    },
    /// The request can't be put together.
    Unsent(String),
}

/// A refusal: the problem document, as far as there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) status: StatusCode,
    /// The problem's slug, as in `unknown-topic`.
    pub(crate) slug: Option<String>,
    pub(crate) detail: String,
    /// Seconds.
    pub(crate) retry_after: Option<u64>,
}

impl CallError {
    pub(super) fn unreachable(url: &Url, error: &reqwest::Error) -> Self {
        let cause = if error.is_timeout() { "no answer in time".into() } else { innermost(error) };
        Self::Unreachable { url: url.origin().ascii_serialization(), cause }
    }

    pub(super) fn unreadable(url: &Url, cause: impl fmt::Display) -> Self {
        Self::Unreadable { url: url.origin().ascii_serialization(), cause: cause.to_string() }
    }

    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Address { .. } => Exit::BadInput,
            Self::Unreachable { .. } => Exit::Unavailable,
            Self::Refused(refused) => refused.exit(),
            Self::Unreadable { .. } | Self::Unsent(_) => Exit::Broken,
        }
    }
}

impl Refused {
    /// Reads a problem document, or the same in OpenAI's shape; anything else is cited.
    pub(super) fn read(status: StatusCode, body: &[u8]) -> Self {
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
    pub(super) fn of_stream(view: ErrorView) -> Self {
        let slug = view.r#type.rsplit_once(':').map(|(_, slug)| slug.to_owned());
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, slug, detail: view.detail, retry_after: None }
    }

    fn exit(&self) -> Exit {
        match self.status.as_u16() {
            401 | 403 => Exit::NotPermitted,
            409 => Exit::Negative,
            408 | 425 | 429 | 502..=504 | 507 => Exit::Unavailable,
            400..=499 => Exit::BadInput,
            _ => Exit::Broken,
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address { text, why } => write!(f, "{text:?} is no address of an API: {why}"),
            Self::Unreachable { url, cause } => write!(f, "{url} can't be reached: {cause}"),
            Self::Refused(refused) => refused.fmt(f),
            Self::Unreadable { url, cause } => {
                write!(f, "{url} gave an answer that is not CortexOS's: {cause}")
            }
            Self::Unsent(cause) => write!(f, "the request can't be sent: {cause}"),
        }
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

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        Self::message(error.exit(), error)
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

    #[test]
    fn every_problem_has_its_exit_code() {
        let expected = |kind: ErrorCode| match kind {
            ErrorCode::Unauthenticated | ErrorCode::Denied => Exit::NotPermitted,
            ErrorCode::Conflict => Exit::Negative,
            ErrorCode::SlowReader
            | ErrorCode::Overloaded
            | ErrorCode::WorkerFailed
            | ErrorCode::OriginAway
            | ErrorCode::Unavailable
            | ErrorCode::Timeout
            | ErrorCode::StorageFull => Exit::Unavailable,
            ErrorCode::Internal => Exit::Broken,
            _ => Exit::BadInput,
        };
        for &kind in ErrorCode::ALL {
            let read = refused(
                cortex_api::problem::status(kind),
                &Problem::new(kind, "no").render(Shape::Problem).body,
            );
            assert_eq!(CallError::Refused(read).exit(), expected(kind), "{}", kind.slug());
        }
    }

    #[test]
    fn an_error_of_a_call_keeps_its_exit_code_on_its_way_up() {
        fn call() -> Result<(), Failure> {
            Err(CallError::Unreachable { url: "http://a".into(), cause: "refused".into() })?
        }
        assert_eq!(call().unwrap_err().exit, Exit::Unavailable);
    }
}
