//! A request's body, which is read once the caller is known and discarded if the request is
//! rejected.

use std::cell::RefCell;
use std::time::Duration;

use cortex_api::Problem;
use cortex_api::body::{check_content_length, check_length};
use cortex_api::routes::BodyLimit;
use cortex_domain::ErrorCode;
use futures::StreamExt;
use futures::future::{Either, select};
use worker::{ByteStream, Delay, Request};

use crate::budget::{Budget, Share};
use crate::error::ApiError;
use crate::incoming::Head;

/// How long a body may take to arrive.
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(30);
/// The largest size of all bodies that arrive at the same time in one isolate, which has 128 MB: of
/// all tenants, and of one.
const MAX_ARRIVING: usize = 64 * BodyLimit::MAX_BYTES;
const MAX_ARRIVING_OF_ONE: usize = 16 * BodyLimit::MAX_BYTES;
/// How much of a rejected body is read, for how long, and for how many requests at the same time.
/// The runtime closes a connection with unread bytes, which can lose the response. A larger body is
/// left unread.
const MAX_DISCARDED: usize = 2 * BodyLimit::MAX_BYTES;
const DISCARD_TIMEOUT: Duration = Duration::from_secs(1);
/// A client that sends nothing for this long waits for its response.
const DISCARD_PAUSE: Duration = Duration::from_millis(250);
const MAX_DISCARDING: usize = 64;

thread_local! {
    static ARRIVING: RefCell<Budget> = const { RefCell::new(Budget::new(MAX_ARRIVING, MAX_ARRIVING_OF_ONE)) };
    static DISCARDING: RefCell<Budget> = const { RefCell::new(Budget::new(MAX_DISCARDING, MAX_DISCARDING)) };
}

/// A request with an unread body, and the size limit of its route.
#[derive(Debug)]
pub(crate) struct Incoming<'r> {
    pub(crate) request: &'r mut Request,
    pub(crate) takes: BodyLimit,
}

/// Reads a whole body up to the limit of its route. The size counts for `owner`.
pub(crate) async fn read(incoming: Incoming<'_>, owner: &str) -> Result<Vec<u8>, ApiError> {
    let Incoming { request, takes } = incoming;
    let announced = request.headers().get("content-length")?;
    check_content_length(announced.as_deref(), takes.bytes())?;
    if request.inner().body().is_none() {
        return Ok(Vec::new());
    }
    let length: Option<usize> = announced.and_then(|text| text.parse().ok());
    let share = Share::take(&ARRIVING, owner, length.unwrap_or(0), ARRIVAL_TIMEOUT).ok_or_else(crowded)?;
    let arrived = std::pin::pin!(arrive(request, takes, length.is_some(), share));
    match select(arrived, Delay::from(ARRIVAL_TIMEOUT)).await {
        Either::Left((body, _)) => body,
        Either::Right(_) => {
            Err(Problem::new(ErrorCode::InvalidRequest, "the body did not arrive in time: send it again")
                .into())
        }
    }
}

async fn arrive(
    request: &mut Request,
    takes: BodyLimit,
    announced: bool,
    share: Share,
) -> Result<Vec<u8>, ApiError> {
    let broken = |_| {
        Problem::new(
            ErrorCode::InvalidRequest,
            "the body ended before its announced \
        length: send it again",
        )
    };
    if announced {
        let body = request.bytes().await.map_err(broken)?;
        check_length(body.len(), takes.bytes())?;
        return Ok(body);
    }
    let mut body = Vec::new();
    let mut stream = request.stream()?;
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(broken)?;
        if !share.grow(chunk.len()) {
            return Err(crowded().into());
        }
        body.extend_from_slice(&chunk);
        if let Err(problem) = check_length(body.len(), takes.bytes()) {
            discard(stream).await;
            return Err(problem.into());
        }
    }
    Ok(body)
}

/// Reads a little of the remaining body of a rejected request.
pub(crate) async fn drain(request: &mut Request, head: Option<&Head>) {
    // A client that asks before sending has sent nothing.
    let asks = head.and_then(|head| head.get("expect")).is_some();
    let length = head.and_then(|head| head.get("content-length")).and_then(|text| text.parse::<usize>().ok());
    // A body that was already read has no stream.
    if asks || length.is_some_and(|length| length > MAX_DISCARDED) || request.inner().body().is_none() {
        return;
    }
    let Some(_share) = Share::take(&DISCARDING, "", 1, 2 * DISCARD_TIMEOUT) else { return };
    if let Ok(stream) = request.stream() {
        discard(stream).await;
    }
}

async fn discard(mut stream: ByteStream) {
    let rest = async {
        let mut left = MAX_DISCARDED;
        loop {
            match select(stream.next(), Delay::from(DISCARD_PAUSE)).await {
                Either::Left((Some(Ok(chunk)), _)) if chunk.len() < left => left -= chunk.len(),
                _ => return,
            }
        }
    };
    select(std::pin::pin!(rest), Delay::from(DISCARD_TIMEOUT)).await;
}

fn crowded() -> Problem {
    let detail = "too many large bodies are in flight: try again in a moment";
    Problem::new(ErrorCode::Overloaded, detail).retry_after(Duration::from_secs(1))
}
