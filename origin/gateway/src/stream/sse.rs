//! Events as server-sent events, in the way that OpenAI's clients read them.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use cortex_domain::id::JobId;
use cortex_guard::{Kind, Problem, Shape, headers};
use futures::stream;
use http::header;

use super::tape::{End, Next, Reader};

/// A stream that is silent for longer is cut on its way.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What the reader is given, as the body of an answer. Each event's id is `<job>.<n>`; a comment breaks a silence; the
/// last event is `[DONE]`, or an error in OpenAI's shape.
pub(super) fn answer(job: JobId, reader: Reader, resume: Option<Duration>) -> Result<Response, Problem> {
    let pieces = stream::unfold(Some(reader), move |reader| async move {
        let mut reader = reader?;
        let next = tokio::time::timeout(KEEP_ALIVE, reader.next()).await;
        Some(match next {
            Err(_) => (Ok::<_, Infallible>(Bytes::from_static(b": still here\n\n")), Some(reader)),
            Ok(Next::Events(first, events)) => (Ok(written(job, first, &events)), Some(reader)),
            Ok(Next::End(end)) => (Ok(ending(end)), None),
        })
    });
    let mut answer = Response::builder()
        .header(header::CONTENT_TYPE, "text/event-stream")
        .header(header::CACHE_CONTROL, "no-store")
        .header(headers::JOB_ID, job.to_string());
    if let Some(resume) = resume {
        answer = answer.header("preference-applied", format!("resume={}", resume.as_secs()));
    }
    answer
        .body(Body::from_stream(pieces))
        .map_err(|_| Problem::new(Kind::Internal, "the answer could not be written"))
}

fn written(job: JobId, first: u64, events: &[Bytes]) -> Bytes {
    let mut text = Vec::with_capacity(events.iter().map(|event| event.len() + 64).sum());
    for (number, event) in (first..).zip(events) {
        text.extend_from_slice(format!("id: {job}.{number}\ndata: ").as_bytes());
        text.extend_from_slice(event);
        text.extend_from_slice(b"\n\n");
    }
    text.into()
}

fn ending(end: End) -> Bytes {
    match end {
        End::Done => Bytes::from_static(b"data: [DONE]\n\n"),
        End::Failed(problem) => format!("data: {}\n\n", problem.render(Shape::OpenAi).body).into(),
    }
}
