//! The head of a received request, and the first checks.

use cortex_api::Problem;
use cortex_api::body::check_content_length;
use cortex_api::headers::{IDEMPOTENCY_KEY, TRACEPARENT};
use cortex_api::routes::BodyLimit;
use cortex_api::trace::Traceparent;
use cortex_domain::ErrorCode;
use cortex_domain::id::IdempotencyKey;
use cortex_guard::precheck;
use worker::Request;

use crate::error::ApiError;
use crate::trace::{Exporter, OpenSpan};

/// The head of a request.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) method: String,
    /// The path as on the wire, undecoded.
    pub(crate) path: String,
    /// Without `?`.
    pub(crate) query: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// The trace that the origin continues.
    pub(crate) traceparent: Traceparent,
}

impl Head {
    /// Reads the head of a request, and starts its span.
    pub(crate) fn of(request: &Request, exporter: &Exporter) -> Result<(Self, OpenSpan), ApiError> {
        let url = request.url()?;
        let incoming = request.headers().get(TRACEPARENT)?.and_then(|text| text.parse().ok());
        let span = exporter.start(incoming)?;
        let head = Self {
            traceparent: span.own.clone(),
            method: request.inner().method(),
            path: url.path().to_owned(),
            query: url.query().unwrap_or_default().to_owned(),
            headers: request.headers().entries().collect(),
        };
        Ok((head, span))
    }

    /// Checks everything that needs neither the body nor the caller.
    pub(crate) fn check(&self, takes: BodyLimit) -> Result<(), Problem> {
        let all = || self.headers.iter().map(|(name, value)| (name, value));
        precheck::check_headers(all())?;
        precheck::check_header_texts(all())?;
        check_content_length(self.get("content-length"), takes.bytes())?;
        precheck::check_content_encoding(self.get("content-encoding"))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn content_type(&self) -> Option<&str> {
        self.get("content-type")
    }

    pub(crate) fn idempotency_key(&self) -> Result<Option<IdempotencyKey>, ApiError> {
        let key = self.get(IDEMPOTENCY_KEY).map(str::parse::<IdempotencyKey>).transpose();
        key.map_err(|error| {
            let detail = format!("invalid header `{IDEMPOTENCY_KEY}`: {}", error.reason);
            Problem::new(ErrorCode::InvalidRequest, detail).at(IDEMPOTENCY_KEY).into()
        })
    }
}
