//! `POST /api/v1/jobs/{id}/cancel`.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use cortex_api::{JobView, Problem};
use cortex_domain::ErrorCode;
use cortex_domain::event::Event;
use cortex_domain::id::JobId;
use cortex_domain::job::{Job, Owner};
use cortex_domain::ports::CommitError;
use cortex_domain::state::StateName;
use cortex_domain::transition::Change;

use super::{find, view};
use crate::call;
use crate::door::Admitted;
use crate::gateway::{Gateway, Inner};
use crate::refuse::{self, Refused};

/// A job moves a few times in its life; more conflicts than that are somebody's mistake.
const TRIES: usize = 8;
/// How long a call that was hung up may take to end.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) async fn cancel(
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
    admitted: Admitted,
) -> Result<Json<JobView>, Refused> {
    let job = end(&gateway.inner, &admitted.owner, &id).await?;
    Ok(Json(view::view(&job, None)))
}

/// Ends a job that has not ended; its worker is told by the outbox. A call that is open is hung up.
///
/// # Errors
/// If it is not the owner's, or has ended.
pub(crate) async fn end(inner: &Inner, owner: &Owner, id: &str) -> Result<Job, Problem> {
    if let Ok(id) = id.parse::<JobId>()
        && let Some(ended) = inner.calls.find(id, &owner.tenant)
    {
        call::hang_up(inner.bus.as_ref(), id).await;
        let _ = tokio::time::timeout(PATIENCE, ended.cancelled()).await;
        let job = find::own(inner, &owner.tenant, &id.to_string()).await?;
        if job.state.name() == StateName::Cancelled {
            return Ok(job);
        }
    }
    for _ in 0..TRIES {
        let job = find::own(inner, &owner.tenant, id).await?;
        let reason = format!("cancelled by {}", owner.principal);
        let Ok(change) = Change::of(job.clone()).then(Event::Cancelled { reason }, inner.now()) else {
            let detail = format!("the job has ended: it is {}", job.state.name());
            return Err(Problem::new(ErrorCode::Conflict, detail).with("state", job.state.name().as_str()));
        };
        match inner.store.commit(change).await {
            Ok(job) => return Ok(job),
            Err(CommitError::Conflict) => {}
            Err(error) => return Err(refuse::commit(&error)),
        }
    }
    Err(refuse::commit(&CommitError::Conflict))
}
