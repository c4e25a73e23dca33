//! `GET /api/v1/jobs/{id}/events`: the log of a job, as a list or as a stream. The stream also
//! carries the worker's progress.

use std::convert::Infallible;
use std::future::ready;

use axum::Json;
use axum::response::sse::{Event as Sse, KeepAlive};
use axum::response::{IntoResponse, Response};
use cortex_api::timeouts::KEEP_ALIVE_INTERVAL;
use cortex_api::{EventPage, EventView, Problem, accept};
use cortex_domain::ErrorCode;
use cortex_domain::id::JobId;
use cortex_domain::job::Version;
use futures::stream::{self, StreamExt};
use http::{StatusCode, header};

use crate::auth::Admitted;
use crate::jobs::{JobLog, Jobs, LogInterrupted, Progress};
use crate::readers::Readers;
use crate::revocations::{self, Revocations};

/// Returns the log as server-sent events if the client accepts them, and as a list otherwise.
pub(crate) async fn events(
    (jobs, progress, readers, revocations): (Jobs, Progress, Readers, Revocations),
    id: JobId,
    admitted: Admitted,
) -> Result<Response, Problem> {
    let seen = last_seen(&admitted)?;
    let log = JobLog::open(&jobs, &admitted.owner.tenant, id, seen).await?;
    if !wants_stream(&admitted) {
        return Ok(Json(EventPage { events: log.entries().await? }).into_response());
    }
    if log.is_complete() {
        // A browser does not reconnect after 204.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let key_use = revocations.track(&admitted)?;
    let slot = readers.register(&admitted.owner.tenant, log.job())?;
    let progress = progress.subscribe(log.job()).await?;
    let log = log.follow().map(StreamItem::Log).chain(stream::once(ready(StreamItem::End)));
    let revoked = stream::once(async move {
        key_use.revoked().await;
        StreamItem::Log(Err(LogInterrupted::Failed(revocations::revoked_error())))
    });
    let revoked = revoked.chain(stream::once(ready(StreamItem::End)));
    let items = stream::select(revoked, stream::select(log, progress.map(StreamItem::Progress)));
    let events = items.take_while(|item| ready(!matches!(item, StreamItem::End)));
    let written = events.filter_map(move |item| {
        let _slot = &slot;
        ready(sse_event(item))
    });
    let stream = axum::response::sse::Sse::new(written);
    Ok(stream.keep_alive(KeepAlive::new().interval(KEEP_ALIVE_INTERVAL)).into_response())
}

fn wants_stream(admitted: &Admitted) -> bool {
    let accepts = admitted.headers.get_all(header::ACCEPT);
    accept::wants_events(accepts.iter().filter_map(|value| value.to_str().ok()))
}

/// Returns the last version that the client has seen, from `Last-Event-ID: <attempt>.<version>`.
fn last_seen(admitted: &Admitted) -> Result<Version, Problem> {
    let Some(id) = admitted.last_event_id() else { return Ok(Version(0)) };
    let version = id.split_once('.').and_then(|(_, version)| version.parse().ok());
    version.map(Version).ok_or_else(|| {
        Problem::new(
            ErrorCode::InvalidRequest,
            "invalid header `Last-Event-ID`: must be `<attempt>.<version>`",
        )
        .at("last-event-id")
    })
}

enum StreamItem {
    Log(Result<EventView, LogInterrupted>),
    /// A line of the worker's progress.
    Progress(String),
    End,
}

/// Returns the event of an item. A failure is the last event. After any other end of the stream,
/// the client reconnects by itself. Progress has no id, because it can't be repeated.
fn sse_event(item: StreamItem) -> Option<Result<Sse, Infallible>> {
    let event = match item {
        StreamItem::Log(Ok(view)) => {
            Sse::default().id(view.id.clone()).event(view.name.clone()).json_data(view)
        }
        StreamItem::Log(Err(LogInterrupted::Failed(problem))) => {
            Sse::default().event("error").json_data(problem.view())
        }
        StreamItem::Progress(line) => Ok(Sse::default().event("progress").data(line)),
        StreamItem::Log(Err(LogInterrupted::Stopping)) | StreamItem::End => return None,
    };
    event.ok().map(Ok)
}
