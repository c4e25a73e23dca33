//! `POST /api/v1/jobs`: takes a job in; 202 says that it is flushed.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use cortex_api::prefer::Prefer;
use cortex_api::{JobView, Problem, headers};
use cortex_domain::ErrorCode;
use cortex_domain::catalogue::Effects;
use cortex_domain::flow::Submission;
use cortex_domain::id::{JobId, Tenant};
use cortex_domain::job::Job;
use cortex_domain::state::State as JobState;
use http::{HeaderValue, StatusCode, header};

use super::{find, submit, view};
use crate::call::{self, Patience};
use crate::door::Admitted;
use crate::gateway::{Gateway, Inner};
use crate::refuse::Refused;

/// Takes a job in, and waits for its end if the caller prefers that.
pub(crate) async fn create(State(gateway): State<Gateway>, admitted: Admitted) -> Result<Response, Refused> {
    let inner = &gateway.inner;
    let prefers = admitted.headers.get_all("prefer");
    let prefer = Prefer::parse(prefers.iter().filter_map(|value| value.to_str().ok()));
    let tenant = admitted.owner.tenant.clone();
    let held = inner.holders.hold(&admitted)?;

    let waits = prefer.waits().filter(|_| !prefer.respond_async);
    let submission = submit::read(inner, admitted).await?;
    if let Some(within) = waits.filter(|_| may_be_a_call(inner, &submission)) {
        let patience = Patience::Keep(within);
        let run = call::run(inner, submission.request, submission.input.into(), patience);
        let answered = held.during(run).await?;
        return answer(&answered.job, view::view(&answered.job, answered.answer));
    }
    let mut job = submit::accept(inner, submission).await?;
    // A tenant with too many waits open has its job all the same, and is answered at once.
    if let Some(within) = waits
        && let Ok(_wait) = inner.waits.enter(&tenant)
    {
        job = held.during(ended(inner, &tenant, job, within)).await?;
    }
    answer(&job, view::whole(inner, &job).await?)
}

/// Whether a caller that waits is served from memory: only where running the job twice, or for nobody, does no
/// harm, and where no key has to be remembered.
fn may_be_a_call(inner: &Inner, submission: &Submission) -> bool {
    let route = inner.catalogue.route(&submission.request.topic);
    route.is_some_and(|route| route.effects == Effects::None) && submission.request.idempotency.is_none()
}

/// Waits for the job's end, at most `within`; gives it as it then stands.
async fn ended(inner: &Inner, tenant: &Tenant, job: Job, within: Duration) -> Result<Job, Problem> {
    let id: JobId = job.id();
    let mut watched = inner.watch.on(id);
    let wait = async {
        loop {
            let job = find::own(inner, tenant, &id.to_string()).await?;
            if job.state.is_terminal() {
                return Ok(job);
            }
            watched.moved().await;
        }
    };
    tokio::select! {
        ended = tokio::time::timeout(within, wait) => match ended {
            Ok(job) => job,
            Err(_) => find::own(inner, tenant, &id.to_string()).await,
        },
        () = inner.stop.cancelled() => Ok(job),
    }
}

/// 202 for a job that goes on; one that a waiting caller saw denied is a refusal.
fn answer(job: &Job, view: JobView) -> Result<Response, Refused> {
    if let JobState::Denied { denial } = &job.state {
        let problem =
            Problem::new(ErrorCode::Denied, denial.reason.clone()).with("rule", denial.rule.clone());
        return Err(problem.with("job", job.id().to_string()).into());
    }
    let status = if job.state.is_terminal() { StatusCode::OK } else { StatusCode::ACCEPTED };
    let mut response = (status, Json(view)).into_response();
    let id = job.id().to_string();
    let headers = response.headers_mut();
    for (name, value) in [(header::LOCATION.as_str(), format!("/api/v1/jobs/{id}")), (headers::JOB_ID, id)] {
        let value = HeaderValue::from_str(&value).expect("a job id is a header value");
        headers.insert(http::HeaderName::from_static(name), value);
    }
    Ok(response)
}
