//! Streams that end when their key is revoked.

use std::pin::Pin;
use std::time::Duration;

use cortex_api::routes::shape;
use cortex_api::{Problem, Shape};
use cortex_domain::ErrorCode;
use futures::StreamExt;
use futures::future::{Either, select};
use worker::{ByteStream, Delay, Env, Response, ResponseBody, ResponseBuilder};

use crate::admit::Presented;
use crate::error::ApiError;
use crate::key_checks::{self, KeyCheck};
use crate::ledger::client::LedgerClient;
use crate::{clock, log};

/// Returns whether a response is a stream of server-sent events.
pub(crate) fn is_one(answer: &Response) -> bool {
    let content_type = answer.headers().get("content-type").ok().flatten().unwrap_or_default();
    content_type.trim_start().to_ascii_lowercase().starts_with("text/event-stream")
}

/// Returns the response with a body that ends once the key is no longer valid, with an event that
/// gives the reason.
pub(crate) fn watched(
    answer: Response,
    presented: &Presented,
    path: &str,
    env: &Env,
) -> worker::Result<Response> {
    let (builder, body) = answer.into_parts();
    let ResponseBody::Stream(body) = body else { return Ok(builder.body(body)) };
    let watched = Watched {
        events: body.into(),
        tail: TrailingBreaks::default(),
        presented: presented.clone(),
        checked_at: clock::now().as_millis(),
        timer: timer(0),
        shape: shape(path),
        env: env.clone(),
    };
    let pieces = futures::stream::unfold(Some(watched), async |watched| {
        let mut watched = watched?;
        match watched.next().await {
            Piece::Event(Some(bytes)) => Some((bytes, Some(watched))),
            Piece::Event(None) => None,
            Piece::Last(bytes) => Some((Ok(bytes), None)),
        }
    });
    rebuilt(builder, pieces)
}

fn rebuilt(
    builder: ResponseBuilder,
    pieces: impl futures::Stream<Item = worker::Result<Vec<u8>>> + 'static,
) -> worker::Result<Response> {
    builder.from_stream(Box::pin(pieces))
}

struct Watched {
    events: ByteStream,
    tail: TrailingBreaks,
    presented: Presented,
    checked_at: u64,
    timer: Pin<Box<Delay>>,
    shape: Shape,
    env: Env,
}

enum Piece {
    /// Data from the origin, or `None` at its end.
    Event(Option<worker::Result<Vec<u8>>>),
    /// The final event from the edge.
    Last(Vec<u8>),
}

impl Watched {
    async fn next(&mut self) -> Piece {
        loop {
            match select(self.events.next(), &mut self.timer).await {
                Either::Left((piece, _)) => {
                    if let Some(Ok(bytes)) = &piece {
                        self.tail.follow(bytes);
                    }
                    return Piece::Event(piece);
                }
                Either::Right(_) => {
                    if let Some(problem) = self.look().await {
                        log::info("stream.ended", &[("kind", problem.kind.slug())]);
                        return Piece::Last(ending(&problem, self.shape, self.tail));
                    }
                }
            }
        }
    }

    /// Asks at intervals whether the key is still valid. Returns the reason to end the stream if it
    /// is not.
    async fn look(&mut self) -> Option<Problem> {
        let next = match key_checks::next(&self.presented.key, self.checked_at) {
            KeyCheck::Ask => {
                self.ask().await;
                key_checks::next(&self.presented.key, self.checked_at)
            }
            next => next,
        };
        let now = clock::now().as_millis();
        match next {
            KeyCheck::Wait(until) => self.timer = timer(until.saturating_sub(now)),
            KeyCheck::Ask => self.timer = timer(key_checks::KEY_CHECK_TIMEOUT_MS),
            KeyCheck::Revoked => {
                let detail = "the API key was revoked while the stream was open";
                return Some(Problem::new(ErrorCode::Unauthenticated, detail));
            }
            KeyCheck::Unchecked => {
                let detail = "the API key could not be verified: try again";
                return Some(Problem::new(ErrorCode::Unavailable, detail));
            }
        }
        None
    }

    async fn ask(&mut self) {
        let asked =
            async { LedgerClient::of(&self.env, &self.presented.tenant)?.check(&self.presented).await };
        let limit = Delay::from(Duration::from_millis(key_checks::KEY_CHECK_TIMEOUT_MS));
        match select(std::pin::pin!(asked), limit).await {
            Either::Left((Ok(_), _)) => self.checked_at = clock::now().as_millis(),
            // The client records the ledger's answer about the key.
            Either::Left((Err(ApiError::Problem(_)), _)) => {}
            Either::Left((Err(ApiError::Broken(cause)), _)) => {
                log::error("stream.unasked", &[("cause", &cause)])
            }
            Either::Right(_) => {
                log::error("stream.unasked", &[("cause", "the ledger did not respond in time")])
            }
        }
    }
}

fn timer(ms: u64) -> Pin<Box<Delay>> {
    Box::pin(Delay::from(Duration::from_millis(ms)))
}

/// The number of line breaks at the end of the stream so far. Two end an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct TrailingBreaks(usize);

impl Default for TrailingBreaks {
    /// Nothing was sent, so no event is open.
    fn default() -> Self {
        Self(2)
    }
}

impl TrailingBreaks {
    fn follow(&mut self, bytes: &[u8]) {
        let breaks = bytes.iter().rev().take_while(|b| **b == b'\n').count();
        self.0 = if breaks == bytes.len() { self.0 + breaks } else { breaks };
    }
}

/// Returns the last event, in the format in which the origin's streams of that path end.
fn ending(problem: &Problem, shape: Shape, tail: TrailingBreaks) -> Vec<u8> {
    let open = "\n".repeat(2usize.saturating_sub(tail.0));
    let event = match shape {
        Shape::OpenAi => format!("data: {}\n\n", problem.render(shape).body),
        Shape::Problem => {
            let view = serde_json::to_string(&problem.view()).unwrap_or_default();
            format!("event: error\ndata: {view}\n\n")
        }
    };
    format!("{open}{event}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(pieces: &[&str]) -> TrailingBreaks {
        pieces.iter().fold(TrailingBreaks::default(), |mut tail, piece| {
            tail.follow(piece.as_bytes());
            tail
        })
    }

    #[test]
    fn an_open_event_is_closed_before_the_last_one() {
        for (pieces, breaks) in [
            (&[][..], ""),
            (&["data: 1\n\n"], ""),
            (&["data: 1\n", "\n"], ""),
            (&["data: 1\n\n", ": still here\n\n", ""], ""),
            (&["data: 1\n"], "\n"),
            (&["data: 1\n\ndata: {\"a"], "\n\n"),
        ] {
            let problem = Problem::new(ErrorCode::Unauthenticated, "gone");
            let text = String::from_utf8(ending(&problem, Shape::Problem, after(pieces))).unwrap();
            assert!(text.starts_with(&format!("{breaks}event: error\ndata: ")), "{pieces:?}: {text}");
        }
    }

    #[test]
    fn the_last_event_has_the_shape_of_its_path() {
        let problem = Problem::new(ErrorCode::Unauthenticated, "gone");
        let event =
            |path| String::from_utf8(ending(&problem, shape(path), TrailingBreaks::default())).unwrap();
        let openai = event("/v1/chat/completions");
        let body: serde_json::Value = serde_json::from_str(openai.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(
            (&body["error"]["code"], &body["error"]["type"]),
            (&"unauthenticated".into(), &"authentication_error".into())
        );
        assert!(event("/api/v1/jobs/x/events").contains("urn:cortex:problem:unauthenticated"));
    }
}
