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
use crate::jobs::{Cut, Jobs, Log, Progress};
use crate::readers::Readers;
use crate::revocations::{self, Revocations};

/// The log: server-sent events where they are asked for, else a list.
pub(crate) async fn events(
    (jobs, progress, readers, revocations): (Jobs, Progress, Readers, Revocations),
    id: JobId,
    admitted: Admitted,
) -> Result<Response, Problem> {
    let seen = resume(&admitted)?;
    let log = Log::open(&jobs, &admitted.owner.tenant, id, seen).await?;
    if !streams(&admitted) {
        return Ok(Json(EventPage { events: log.so_far().await? }).into_response());
    }
    if log.is_over() {
        // A browser that was told 204 does not come again.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let key_use = revocations.track(&admitted)?;
    let slot = readers.register(&admitted.owner.tenant, log.job())?;
    let said = progress.of(log.job()).await?;
    let logged = log.follow().map(Told::Log).chain(stream::once(ready(Told::Over)));
    let revoked = stream::once(async move {
        key_use.revoked().await;
        Told::Log(Err(Cut::Failed(revocations::revoked_error())))
    });
    let revoked = revoked.chain(stream::once(ready(Told::Over)));
    let told = stream::select(revoked, stream::select(logged, said.map(Told::Said)));
    let events = told.take_while(|told| ready(!matches!(told, Told::Over)));
    let written = events.filter_map(move |told| {
        let _reads = &slot;
        ready(sse(told))
    });
    let stream = axum::response::sse::Sse::new(written);
    Ok(stream.keep_alive(KeepAlive::new().interval(KEEP_ALIVE_INTERVAL)).into_response())
}

fn streams(admitted: &Admitted) -> bool {
    let accepts = admitted.headers.get_all(header::ACCEPT);
    accept::wants_events(accepts.iter().filter_map(|value| value.to_str().ok()))
}

/// The version that the client has seen last, from `Last-Event-ID: <attempt>.<version>`.
fn resume(admitted: &Admitted) -> Result<Version, Problem> {
    let Some(id) = admitted.last_event_id() else { return Ok(Version(0)) };
    let version = id.split_once('.').and_then(|(_, version)| version.parse().ok());
    version.map(Version).ok_or_else(|| {
        Problem::new(ErrorCode::InvalidRequest, "`Last-Event-ID` reads `<attempt>.<version>`")
            .at("last-event-id")
    })
}

enum Told {
    Log(Result<EventView, Cut>),
    /// A line of the worker's.
    Said(String),
    Over,
}

/// A failure is the last event. A client whose stream just ends comes again by itself. What the worker says has no id: it
/// is told once, as it comes.
fn sse(told: Told) -> Option<Result<Sse, Infallible>> {
    let event = match told {
        Told::Log(Ok(view)) => Sse::default().id(view.id.clone()).event(view.name.clone()).json_data(view),
        Told::Log(Err(Cut::Failed(problem))) => Sse::default().event("error").json_data(problem.view()),
        Told::Said(line) => Ok(Sse::default().event("progress").data(line)),
        Told::Log(Err(Cut::Stopping)) | Told::Over => return None,
    };
    event.ok().map(Ok)
}
