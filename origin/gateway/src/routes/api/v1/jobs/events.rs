//! `GET /api/v1/jobs/{id}/events`: a job's log, as a list or as it grows, then with what its worker says meanwhile.

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

/// The log: server-sent events where they are asked for, else a list.
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
        // A browser that was told 204 does not come again.
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

/// The version that the client has seen last, from `Last-Event-ID: <attempt>.<version>`.
fn last_seen(admitted: &Admitted) -> Result<Version, Problem> {
    let Some(id) = admitted.last_event_id() else { return Ok(Version(0)) };
    let version = id.split_once('.').and_then(|(_, version)| version.parse().ok());
    version.map(Version).ok_or_else(|| {
        Problem::new(ErrorCode::InvalidRequest, "`Last-Event-ID` reads `<attempt>.<version>`")
            .at("last-event-id")
    })
}

enum StreamItem {
    Log(Result<EventView, LogInterrupted>),
    /// A line of the worker's.
    Progress(String),
    End,
}

/// A failure is the last event. A client whose stream just ends comes again by itself. What the worker says has no id: it
/// is told once, as it comes.
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
