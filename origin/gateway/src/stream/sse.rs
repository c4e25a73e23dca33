//! Writes streams as server-sent events, in the format that OpenAI's clients read.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use cortex_api::timeouts::KEEP_ALIVE_INTERVAL;
use cortex_api::{Problem, Shape, headers, sse};
use cortex_domain::ErrorCode;
use cortex_domain::id::JobId;
use futures::stream;
use http::header;

use super::replay_buffer::{ReadResult, Reader, StreamEnd};
use crate::readers::ReaderSlot;
use crate::revocations::{self, KeyUse};

/// What a reader holds while its response is open.
pub(super) struct ReaderContext {
    /// The slot among the open event streams.
    pub(super) _slot: ReaderSlot,
    /// The use of the reader's key.
    pub(super) key_use: KeyUse,
}

/// Returns the response that streams a reader's events. The id of an event is `<job>.<n>`. A
/// comment breaks a silence. The last event is `[DONE]` or an error in OpenAI's format. The stream
/// also ends when the reader's key is revoked.
pub(super) fn response(
    job: JobId,
    reader: Reader,
    resume: Option<Duration>,
    context: ReaderContext,
) -> Result<Response, Problem> {
    let pieces = stream::unfold(Some((reader, context)), move |reading| async move {
        let (mut reader, context) = reading?;
        let next = tokio::select! {
            biased;
            () = context.key_use.revoked() => Ok(ReadResult::End(StreamEnd::Failed(revocations::revoked_error()))),
            next = tokio::time::timeout(KEEP_ALIVE_INTERVAL, reader.next()) => next,
        };
        Some(match next {
            Err(_) => (Ok::<_, Infallible>(Bytes::from_static(sse::COMMENT)), Some((reader, context))),
            Ok(ReadResult::Events(first, events)) => {
                (Ok(write_events(job, first, &events)), Some((reader, context)))
            }
            Ok(ReadResult::End(end)) => (Ok(write_end(end)), None),
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
        .map_err(|_| Problem::new(ErrorCode::Internal, "the response could not be written"))
}

fn write_events(job: JobId, first: u64, events: &[Bytes]) -> Bytes {
    let mut writer = sse::Writer::for_data(events.iter().map(Bytes::len));
    for (number, event) in (first..).zip(events) {
        writer.id(format_args!("{job}.{number}")).data(event);
    }
    writer.into_bytes().into()
}

fn write_end(end: StreamEnd) -> Bytes {
    match end {
        StreamEnd::Done => Bytes::from_static(sse::DONE),
        StreamEnd::Failed(problem) => {
            let mut writer = sse::Writer::default();
            writer.data(problem.render(Shape::OpenAi).body.as_bytes());
            writer.into_bytes().into()
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;

    use super::super::replay_buffer::ReplayBuffer;
    use super::*;
    use crate::limits::Limits;
    use crate::readers::Readers;

    #[tokio::test(start_paused = true)]
    async fn a_silent_stream_sends_comments_that_are_not_events() {
        let buffer = ReplayBuffer::new();
        let job = "01a1fb51-9430-7707-8707-070707070707".parse().unwrap();
        let slot = Readers::new(&Limits::default()).register(&"a".parse().unwrap(), job).unwrap();
        let context = ReaderContext { _slot: slot, key_use: KeyUse::untracked() };
        let answer = response(job, buffer.read_after(0).unwrap(), None, context).unwrap();
        let mut pieces = answer.into_body().into_data_stream();
        let mut next = async || String::from_utf8(pieces.next().await.unwrap().unwrap().into()).unwrap();
        for number in 1..=2 {
            let began = tokio::time::Instant::now();
            assert_eq!(next().await, ": still here\n\n");
            assert_eq!(began.elapsed(), KEEP_ALIVE_INTERVAL);
            buffer.write(vec![Bytes::from_static(b"{}")]);
            assert_eq!(next().await, format!("id: {job}.{number}\ndata: {{}}\n\n"));
        }
        buffer.end(StreamEnd::Done);
        assert_eq!(next().await, "data: [DONE]\n\n");
        assert!(pieces.next().await.is_none());
    }
}
