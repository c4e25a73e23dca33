//! A request's body: read when it is known who sends it, thrown away when the request is refused.

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
/// The most bytes of bodies that arrive at once, in one isolate, which has 128 MB: of all tenants, and of one.
const MAX_ARRIVING: usize = 64 * BodyLimit::LARGEST;
const MAX_ARRIVING_OF_ONE: usize = 16 * BodyLimit::LARGEST;
/// How much of a refused body is taken in, for how long, and of how many requests at once. The runtime closes a
/// connection on unread bytes, and the answer may be lost with it; that is what a larger body comes to.
const MAX_DISCARDED: usize = 2 * BodyLimit::LARGEST;
const DISCARD_TIMEOUT: Duration = Duration::from_secs(1);
/// A client that sends nothing for so long sends no more before it has its answer.
const DISCARD_PAUSE: Duration = Duration::from_millis(250);
const MAX_DISCARDING: usize = 64;

thread_local! {
    static ARRIVING: RefCell<Budget> = const { RefCell::new(Budget::new(MAX_ARRIVING, MAX_ARRIVING_OF_ONE)) };
    static DISCARDING: RefCell<Budget> = const { RefCell::new(Budget::new(MAX_DISCARDING, MAX_DISCARDING)) };
}

/// A request whose body is still to come, and how much its route takes of it.
#[derive(Debug)]
pub(crate) struct Incoming<'r> {
    pub(crate) request: &'r mut Request,
    pub(crate) takes: BodyLimit,
}

/// Reads a body whole, but keeps no more of it than its route takes. `owner` is who it counts for.
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
            Err(Problem::new(ErrorCode::InvalidRequest, "the body did not arrive in time").into())
        }
    }
}

async fn arrive(
    request: &mut Request,
    takes: BodyLimit,
    announced: bool,
    share: Share,
) -> Result<Vec<u8>, ApiError> {
    let broken = |_| Problem::new(ErrorCode::InvalidRequest, "the body broke off");
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

/// Takes in a little of what a refused request still sends.
pub(crate) async fn drain(request: &mut Request, head: Option<&Head>) {
    // Who asks before sending has sent nothing.
    let asks = head.and_then(|head| head.get("expect")).is_some();
    let length = head.and_then(|head| head.get("content-length")).and_then(|text| text.parse::<usize>().ok());
    // A body that was read already gives no stream.
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
    let detail = "too many large bodies arrive at once: try again in a moment";
    Problem::new(ErrorCode::Overloaded, detail).retry_after(Duration::from_secs(1))
}
