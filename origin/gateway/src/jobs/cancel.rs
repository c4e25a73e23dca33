//! `POST /api/v1/jobs/{id}/cancel`.

use axum::Json;
use axum::extract::{Path, State};
use cortex_domain::event::Event;
use cortex_domain::ports::CommitError;
use cortex_domain::transition::Change;
use cortex_guard::api::JobView;
use cortex_guard::{Kind, Problem};

use super::{find, view};
use crate::door::Admitted;
use crate::gateway::Gateway;
use crate::refuse::{self, Refused};

/// A job moves a few times in its life; more conflicts than that are somebody's mistake.
const TRIES: usize = 8;

/// Ends a job that has not ended; its worker is told by the outbox.
pub(crate) async fn cancel(
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
    admitted: Admitted,
) -> Result<Json<JobView>, Refused> {
    let inner = &gateway.inner;
    for _ in 0..TRIES {
        let job = find::own(inner, &admitted.owner.tenant, &id).await?;
        let reason = format!("cancelled by {}", admitted.owner.principal);
        let Ok(change) = Change::of(job.clone()).then(Event::Cancelled { reason }, inner.now()) else {
            let detail = format!("the job has ended: it is {}", job.state.name());
            return Err(Problem::new(Kind::Conflict, detail).with("state", job.state.name().as_str()).into());
        };
        match inner.store.commit(change).await {
            Ok(job) => return Ok(Json(view::view(&job, None))),
            Err(CommitError::Conflict) => {}
            Err(error) => return Err(refuse::commit(&error).into()),
        }
    }
    Err(refuse::commit(&CommitError::Conflict).into())
}
