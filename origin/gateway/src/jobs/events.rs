//! `GET /api/v1/jobs/{id}/events`: a job's log, as a list or as it grows.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::sse::{Event as Sse, KeepAlive};
use axum::response::{IntoResponse, Response};
use cortex_domain::event::Entry;
use cortex_domain::job::{Job, Version};
use cortex_guard::api::EventPage;
use cortex_guard::{Kind, Problem};
use futures::stream::{self, Stream, StreamExt};
use http::{StatusCode, header};

use super::{find, view};
use crate::door::Admitted;
use crate::gateway::{Gateway, Inner};
use crate::refuse::{self, Refused};
use crate::watch::Watched;

/// A stream that is silent for longer is cut on its way.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The log: server-sent events where they are asked for, else a list.
pub(crate) async fn events(
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
    admitted: Admitted,
) -> Result<Response, Refused> {
    let inner = &gateway.inner;
    let seen = resume(&admitted)?;
    let watched = parsed_watch(inner, &id)?;
    let job = find::own(inner, &admitted.owner.tenant, &id).await?;
    // Nobody has seen more than there is.
    let after = seen.min(job.version);
    if streams(&admitted) {
        if job.state.is_terminal() && after == job.version {
            // A browser that was told 204 does not come again.
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
        let log = Log { inner: inner.clone(), job, watched, after };
        let sse = axum::response::sse::Sse::new(log.follow());
        return Ok(sse.keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response());
    }
    let log = inner.store.log(job.id(), after).await.map_err(|error| refuse::store(&error))?;
    let events = log.iter().map(|entry| view::event(&job, entry)).collect();
    Ok(Json(EventPage { events }).into_response())
}

fn parsed_watch(inner: &Inner, id: &str) -> Result<Watched, Problem> {
    id.parse().map(|id| inner.watch.on(id)).map_err(|_| refuse::no_such_job())
}

fn streams(admitted: &Admitted) -> bool {
    admitted.header(header::ACCEPT).is_some_and(|accept| accept.contains("text/event-stream"))
}

/// The version that the client has seen last, from `Last-Event-ID: <attempt>.<version>`.
fn resume(admitted: &Admitted) -> Result<Version, Problem> {
    let Some(id) = admitted.header("last-event-id") else { return Ok(Version(0)) };
    let version = id.split_once('.').and_then(|(_, version)| version.parse().ok());
    version.map(Version).ok_or_else(|| {
        Problem::new(Kind::InvalidRequest, "`Last-Event-ID` reads `<attempt>.<version>`").at("last-event-id")
    })
}

struct Log {
    inner: Arc<Inner>,
    job: Job,
    watched: Watched,
    after: Version,
}

impl Log {
    /// Every entry, then each new one; ends after the terminal one.
    fn follow(self) -> impl Stream<Item = Result<Sse, Infallible>> + Send {
        stream::unfold(Some(self), |log| async move { Some(log?.next().await) })
            .flat_map(|events| stream::iter(events.into_iter().map(Ok)))
    }

    async fn next(mut self) -> (Vec<Sse>, Option<Self>) {
        loop {
            let entries = match self.inner.store.log(self.job.id(), self.after).await {
                Ok(entries) => entries,
                Err(error) => {
                    let problem = refuse::store(&error);
                    let event = Sse::default().event("error").json_data(problem.view());
                    return (event.into_iter().collect(), None);
                }
            };
            if let Some(last) = entries.last() {
                self.after = last.version;
                let ended = last.state.is_terminal();
                let events = entries.iter().filter_map(|entry| self.event(entry)).collect();
                return (events, if ended { None } else { Some(self) });
            }
            let stop = self.inner.stop.clone();
            tokio::select! {
                () = self.watched.moved() => {}
                () = stop.cancelled() => return (Vec::new(), None),
            }
        }
    }

    fn event(&self, entry: &Entry) -> Option<Sse> {
        let view = view::event(&self.job, entry);
        Sse::default().id(view.id.clone()).event(view.name.clone()).json_data(view).ok()
    }
}
