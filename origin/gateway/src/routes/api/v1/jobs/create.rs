//! `POST /api/v1/jobs`: accepts a job. The response 202 means that the job is stored and flushed.

use axum::Json;
use axum::response::{IntoResponse, Response};
use cortex_api::prefer::Prefer;
use cortex_api::{JobView, Problem, headers};
use cortex_domain::ErrorCode;
use cortex_domain::job::Job;
use cortex_domain::state::State;
use http::{HeaderValue, StatusCode, header};

use crate::auth::Admitted;
use crate::calls::{Calls, OnTimeout};
use crate::jobs::{self, Jobs};
use crate::revocations::Revocations;

/// Accepts a job, and waits for its end if the caller prefers that.
pub(crate) async fn create(
    (jobs, calls, revocations): (Jobs, Calls, Revocations),
    admitted: Admitted,
) -> Result<Response, Problem> {
    let prefers = admitted.headers.get_all("prefer");
    let prefer = Prefer::parse(prefers.iter().filter_map(|value| value.to_str().ok()));
    let tenant = admitted.owner.tenant.clone();
    let key_use = revocations.track(&admitted)?;

    let waits = prefer.waits().filter(|_| !prefer.respond_async);
    let submission = jobs.parse(admitted).await?;
    if let Some(within) = waits.filter(|_| jobs.can_run_as_call(&submission)) {
        let run = calls.run(submission.request, submission.input.into(), OnTimeout::Keep(within));
        let answered = key_use.run_until_revoked(run).await?;
        return answer(&answered.job, jobs::view(&answered.job, answered.answer));
    }
    let mut job = jobs.accept(submission).await?;
    // A tenant with too many open waits gets its response at once. Its job is accepted all the
    // same.
    if let Some(within) = waits
        && let Ok(_permit) = calls.acquire(&tenant)
    {
        job = key_use.run_until_revoked(jobs.wait_for_end(&tenant, job, within)).await?;
    }
    answer(&job, jobs.with_result(&job).await?)
}

/// Returns 202 for a job that continues, and an error for a job that was denied while the caller
/// waited.
fn answer(job: &Job, view: JobView) -> Result<Response, Problem> {
    if let State::Denied { denial } = &job.state {
        let problem =
            Problem::new(ErrorCode::Denied, denial.reason.clone()).with("rule", denial.rule.clone());
        return Err(problem.with("job", job.id().to_string()));
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
