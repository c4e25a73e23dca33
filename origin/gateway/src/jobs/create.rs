//! `POST /api/v1/jobs`: takes a job in; 202 says that it is flushed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use cortex_domain::catalogue::Effects;
use cortex_domain::flow::Submission;
use cortex_domain::id::{IdempotencyKey, JobId, Tenant};
use cortex_domain::job::{Idempotency, Job, Limits, Request};
use cortex_domain::ports::Acceptance;
use cortex_domain::state::State as JobState;
use cortex_guard::api::{CreateJob, JobView};
use cortex_guard::prefer::Prefer;
use cortex_guard::{Kind, Problem, fingerprint, headers, precheck};
use http::{HeaderValue, StatusCode, header};

use super::{find, view};
use crate::call::{self, Patience};
use crate::door::Admitted;
use crate::gateway::{Gateway, Inner};
use crate::refuse::{self, Refused};

/// The label that tells which kinds of personal data the input seems to hold.
const PERSONAL: &str = "cortex/personal-data";

/// Takes a job in, and waits for its end if the caller prefers that.
pub(crate) async fn create(State(gateway): State<Gateway>, admitted: Admitted) -> Result<Response, Refused> {
    let inner = &gateway.inner;
    let asked = CreateJob::parse(admitted.content_type(), &admitted.body, &inner.topics)?;
    let prefers = admitted.headers.get_all("prefer");
    let prefer = Prefer::parse(prefers.iter().filter_map(|value| value.to_str().ok()));
    let tenant = admitted.owner.tenant.clone();

    let waits = prefer.waits().filter(|_| !prefer.respond_async);
    let submission = submission(inner, admitted, asked)?;
    if let Some(within) = waits.filter(|_| may_be_a_call(inner, &submission)) {
        let patience = Patience::Keep(within);
        let answered = call::run(inner, submission.request, submission.input.into(), patience).await?;
        return answer(&answered.job, view::view(&answered.job, answered.answer));
    }
    let accepted = inner.store.accept(submission).await.map_err(|error| refuse::store(&error))?;
    let mut job = match accepted {
        Acceptance::New(job) | Acceptance::Known(job) => job,
        Acceptance::Mismatch => {
            let detail = "another request came before under this idempotency key or job id";
            return Err(Problem::new(Kind::IdempotencyMismatch, detail).into());
        }
    };
    if let Some(within) = waits {
        job = ended(inner, &tenant, job, within).await?;
    }
    answer(&job, view::whole(inner, &job).await?)
}

/// Whether a caller that waits is served from memory: only where running the job twice, or for nobody, does no
/// harm, and where no key has to be remembered.
fn may_be_a_call(inner: &Inner, submission: &Submission) -> bool {
    let route = inner.catalogue.route(&submission.request.topic);
    route.is_some_and(|route| route.effects == Effects::None) && submission.request.idempotency.is_none()
}

fn submission(inner: &Inner, admitted: Admitted, asked: CreateJob) -> Result<Submission, Problem> {
    let route = inner.catalogue.route(&asked.topic).ok_or_else(|| {
        Problem::new(Kind::UnknownTopic, format!("nothing here works on `{}`", asked.topic)).at("topic")
    })?;
    let labels = labels(&admitted.body, asked.labels)?;
    let idempotency = admitted.idempotency.clone().map(|key| idempotency(&admitted, key));
    let request = Request {
        id: admitted.job.unwrap_or_else(|| inner.mint()),
        owner: admitted.owner,
        topic: asked.topic,
        priority: asked.priority,
        limits: Limits {
            attempts: asked.max_attempts.unwrap_or(route.attempts),
            run: route.run,
            deadline: asked.deadline,
        },
        labels,
        idempotency,
        hops: admitted.hops,
        created_at: inner.now(),
        traceparent: admitted.traceparent,
    };
    Ok(Submission { request, input: asked.input.get().as_bytes().to_vec() })
}

fn idempotency(admitted: &Admitted, key: IdempotencyKey) -> Idempotency {
    let content_type = admitted.content_type().unwrap_or_default();
    let fingerprint = fingerprint::of(admitted.method.as_str(), &admitted.path, content_type, &admitted.body);
    Idempotency { key, fingerprint }
}

/// The caller's labels, and one for personal data: it is flagged, not refused.
fn labels(body: &[u8], mut labels: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Problem> {
    let kinds: BTreeSet<_> = precheck::personal_data(body)?.iter().map(|finding| finding.kind).collect();
    if !kinds.is_empty() {
        labels.insert(PERSONAL.to_owned(), kinds.into_iter().collect::<Vec<_>>().join(","));
    }
    Ok(labels)
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
        let problem = Problem::new(Kind::Denied, denial.reason.clone()).with("rule", denial.rule.clone());
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
