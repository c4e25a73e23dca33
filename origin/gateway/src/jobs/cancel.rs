//! `POST /api/v1/jobs/{id}/cancel`.

use axum::Json;
use axum::extract::{Path, State};
use cortex_domain::event::Event;
use cortex_domain::job::{Job, Owner};
use cortex_domain::ports::CommitError;
use cortex_domain::transition::Change;
use cortex_guard::api::JobView;
use cortex_guard::{Kind, Problem};

use super::{find, view};
use crate::door::Admitted;
use crate::gateway::{Gateway, Inner};
use crate::refuse::{self, Refused};

/// A job moves a few times in its life; more conflicts than that are somebody's mistake.
const TRIES: usize = 8;

pub(crate) async fn cancel(
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
    admitted: Admitted,
) -> Result<Json<JobView>, Refused> {
    let job = end(&gateway.inner, &admitted.owner, &id).await?;
    Ok(Json(view::view(&job, None)))
}

/// Ends a job that has not ended; its worker is told by the outbox.
///
/// # Errors
/// If it is not the owner's, or has ended.
pub(crate) async fn end(inner: &Inner, owner: &Owner, id: &str) -> Result<Job, Problem> {
    for _ in 0..TRIES {
        let job = find::own(inner, &owner.tenant, id).await?;
        let reason = format!("cancelled by {}", owner.principal);
        let Ok(change) = Change::of(job.clone()).then(Event::Cancelled { reason }, inner.now()) else {
            let detail = format!("the job has ended: it is {}", job.state.name());
            return Err(Problem::new(Kind::Conflict, detail).with("state", job.state.name().as_str()));
        };
        match inner.store.commit(change).await {
            Ok(job) => return Ok(job),
            Err(CommitError::Conflict) => {}
            Err(error) => return Err(refuse::commit(&error)),
        }
    }
    Err(refuse::commit(&CommitError::Conflict))
}
