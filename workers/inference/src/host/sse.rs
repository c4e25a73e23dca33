//! Streamed answers.

use std::convert::Infallible;

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use cortex_api::timeouts::KEEP_ALIVE_INTERVAL;
use cortex_api::{Problem, Shape, sse};
use futures::stream;

use crate::generate::Answer;

/// Returns an answer's chunks as server-sent events. A comment breaks each silence, and `[DONE]` or
/// an error ends the stream. The answer ends when the client disconnects, and `needs` is dropped
/// with it.
pub(super) fn stream(answer: Answer, needs: impl Send + 'static) -> Response {
    let events = stream::unfold(Some((answer, needs)), async |held| {
        let (mut answer, needs) = held?;
        Some(match tokio::time::timeout(KEEP_ALIVE_INTERVAL, answer.next()).await {
            Err(_) => (Ok::<_, Infallible>(Bytes::from_static(sse::COMMENT)), Some((answer, needs))),
            Ok(Ok(Some(chunks))) => (Ok(written(&chunks)), Some((answer, needs))),
            Ok(Ok(None)) => (Ok(Bytes::from_static(sse::DONE)), None),
            Ok(Err(problem)) => (Ok(failed(&problem)), None),
        })
    });
    let mut response = Response::new(Body::from_stream(events));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn written(chunks: &[Bytes]) -> Bytes {
    let mut writer = sse::Writer::for_data(chunks.iter().map(Bytes::len));
    for chunk in chunks {
        writer.data(chunk);
    }
    writer.into_bytes().into()
}

fn failed(problem: &Problem) -> Bytes {
    let mut writer = sse::Writer::default();
    writer.data(problem.render(Shape::OpenAi).body.as_bytes());
    writer.into_bytes().into()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use cortex_api::completions::CompletionRequest;
    use cortex_domain::id::JobId;
    use cortex_domain::time::Timestamp;
    use futures::StreamExt;
    use tokio_util::sync::CancellationToken;

    use cortex_api::body::Checked;

    use super::*;
    use crate::generate::{Caller, Defaults, Model};
    use crate::language::tests::gated;

    const COMMENT: &str = ": still here\n\n";

    #[tokio::test(start_paused = true)]
    async fn a_comment_breaks_a_silence() {
        let (open, gate) = mpsc::channel::<()>();
        let engine = gated("hi", move || _ = gate.recv());
        let model = Model::new("tiny".parse().unwrap(), engine, None, Defaults::default());
        let body = br#"{"model": "tiny", "prompt": "say", "temperature": 0, "stream": true}"#;
        let request = CompletionRequest::parse(Checked::trust(body)).unwrap();
        let caller = Caller {
            job: JobId::mint(Timestamp::from_millis(1_700_000_000_000), [7; 10]),
            tenant: Some("a".parse().unwrap()),
            deadline: None,
            cancel: CancellationToken::new(),
        };
        let answer = model.complete(request, caller).await.unwrap();
        let mut pieces = stream(answer, ()).into_body().into_data_stream();
        for _ in 0..3 {
            let began = tokio::time::Instant::now();
            assert_eq!(pieces.next().await.unwrap().unwrap(), COMMENT);
            assert_eq!(began.elapsed(), KEEP_ALIVE_INTERVAL);
        }
        drop(open);
        let mut rest = String::new();
        while let Some(piece) = pieces.next().await {
            let piece = String::from_utf8(piece.unwrap().into()).unwrap();
            rest.extend((piece != COMMENT).then_some(piece));
        }
        let text: String =
            rest.split("\"text\":\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert_eq!(text, "hi", "{rest}");
        assert!(rest.ends_with("data: [DONE]\n\n"), "{rest}");
    }
}
