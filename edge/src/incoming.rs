//! A request as it came in: its head at once, its body when asked for.

use std::time::Duration;

use cortex_domain::id::IdempotencyKey;
use cortex_guard::headers::{IDEMPOTENCY_KEY, TRACEPARENT};
use cortex_guard::precheck::{self, MAX_BODY};
use cortex_guard::trace::Traceparent;
use cortex_guard::{Kind, Problem};
use futures::StreamExt;
use futures::future::select;
use worker::{ByteStream, Delay, Request};

use crate::chance;
use crate::refusal::Refusal;

/// How much of a refused body is taken in, and for how long.
const MAX_DISCARDED: usize = 8 * MAX_BODY;
const DISCARD_TIME: Duration = Duration::from_secs(5);

/// The head of a request.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) method: String,
    /// As on the wire, undecoded.
    pub(crate) path: String,
    /// Without `?`.
    pub(crate) query: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
}

impl Head {
    pub(crate) fn of(request: &Request) -> Result<Self, Refusal> {
        let url = request.url()?;
        Ok(Self {
            method: request.inner().method(),
            path: url.path().to_owned(),
            query: url.query().unwrap_or_default().to_owned(),
            headers: request.headers().entries().collect(),
        })
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn content_type(&self) -> Option<&str> {
        self.get("content-type")
    }

    pub(crate) fn idempotency_key(&self) -> Result<Option<IdempotencyKey>, Refusal> {
        let wrong = |error| Problem::new(Kind::InvalidRequest, format!("{error}")).at(IDEMPOTENCY_KEY);
        let key = self.get(IDEMPOTENCY_KEY).map(str::parse::<IdempotencyKey>).transpose();
        key.map_err(|error| wrong(error).into())
    }

    /// The caller's trace, or a new one.
    pub(crate) fn traceparent(&self) -> Result<Traceparent, Refusal> {
        match self.get(TRACEPARENT).and_then(|text| text.parse().ok()) {
            Some(trace) => Ok(trace),
            None => Ok(Traceparent::mint(chance::random()?)),
        }
    }
}

/// Reads a body whole, but keeps no more of it than is allowed.
pub(crate) async fn body(request: &mut Request) -> Result<Vec<u8>, Refusal> {
    let announced = request.headers().get("content-length")?;
    precheck::check_content_length(announced.as_deref())?;
    if request.inner().body().is_none() {
        return Ok(Vec::new());
    }
    if announced.is_some() {
        let body = request.bytes().await?;
        precheck::check_body(&body)?;
        return Ok(body);
    }
    let mut body = Vec::new();
    let mut stream = request.stream()?;
    while let Some(chunk) = stream.next().await {
        body.extend_from_slice(&chunk?);
        if body.len() > MAX_BODY {
            discard(stream).await;
            precheck::check_body(&body)?;
            break;
        }
    }
    Ok(body)
}

/// Takes in what a refused request still sends: an unread body would block the connection it came on.
pub(crate) async fn drain(request: &mut Request) {
    // A body that was read already gives no stream.
    if request.inner().body().is_some()
        && let Ok(stream) = request.stream()
    {
        discard(stream).await;
    }
}

async fn discard(mut stream: ByteStream) {
    let rest = async {
        let mut left = MAX_DISCARDED;
        while let Some(Ok(chunk)) = stream.next().await
            && left > chunk.len()
        {
            left -= chunk.len();
        }
    };
    select(std::pin::pin!(rest), Delay::from(DISCARD_TIME)).await;
}
