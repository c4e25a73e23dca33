//! Answers as they grow.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use cortex_guard::Shape;
use futures::stream;

use crate::generate::{Answer, Lease};

/// A stream that is silent for longer may be cut on its way.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The chunks of an answer as server-sent events, a comment in each silence, `[DONE]` or an error at the end. The answer
/// ends with its reader.
pub(super) fn stream(answer: Answer, lease: Lease) -> Response {
    let events = stream::unfold(Some((answer, lease)), async |held| {
        let (mut answer, lease) = held?;
        Some(match tokio::time::timeout(KEEP_ALIVE, answer.next()).await {
            Err(_) => (Ok::<_, Infallible>(Bytes::from_static(b": still here\n\n")), Some((answer, lease))),
            Ok(Ok(Some(chunks))) => (Ok(written(&chunks)), Some((answer, lease))),
            Ok(Ok(None)) => (Ok(Bytes::from_static(b"data: [DONE]\n\n")), None),
            Ok(Err(problem)) => {
                (Ok(format!("data: {}\n\n", problem.render(Shape::OpenAi).body).into()), None)
            }
        })
    });
    let mut response = Response::new(Body::from_stream(events));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn written(chunks: &[Bytes]) -> Bytes {
    let mut text = Vec::with_capacity(chunks.iter().map(|chunk| chunk.len() + 8).sum());
    for chunk in chunks {
        text.extend_from_slice(b"data: ");
        text.extend_from_slice(chunk);
        text.extend_from_slice(b"\n\n");
    }
    text.into()
}
