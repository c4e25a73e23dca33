//! `POST /v1/embeddings`, in OpenAI's shape.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use cortex_domain::job::{Limits, Priority, Request};
use cortex_domain::state::{Exhausted, FailureKind, State as JobState};
use cortex_domain::topic::Topic;
use cortex_guard::api::EmbeddingsRequest;
use cortex_guard::{Kind, Problem, headers};
use http::header;

use crate::call::{self, Answered, Patience};
use crate::door::Admitted;
use crate::gateway::Gateway;
use crate::refuse::{Refused, openai};

/// The longest that a synchronous call may take, waiting and running together.
const LIMIT: Duration = Duration::from_secs(60);

/// Embeds texts: checks the request, runs it as a `job.embed` and passes the worker's answer on.
pub(crate) async fn create(State(gateway): State<Gateway>, admitted: Admitted) -> Result<Response, Refused> {
    embed(gateway, admitted).await.map_err(openai)
}

async fn embed(gateway: Gateway, admitted: Admitted) -> Result<Response, Problem> {
    let inner = &gateway.inner;
    let asked = EmbeddingsRequest::parse(admitted.content_type(), &admitted.body)?;
    if !inner.models.contains(&asked.model) {
        let known: Vec<_> = inner.models.iter().map(|model| model.as_str()).collect();
        let detail = format!("there is no model `{}`; there is {}", asked.model, known.join(", "));
        return Err(Problem::new(Kind::UnknownModel, detail).at("model"));
    }
    let topic: Topic = "job.embed".parse().expect("`job.embed` is a topic");
    let route = inner
        .catalogue
        .route(&topic)
        .ok_or_else(|| Problem::new(Kind::Unavailable, "no pool is set up for embeddings"))?;
    let now = inner.now();
    let request = Request {
        id: admitted.job.unwrap_or_else(|| inner.mint()),
        owner: admitted.owner,
        topic,
        priority: Priority::Normal,
        // Its caller's patience is no deadline: that would go by a clock which may be set.
        limits: Limits { attempts: route.attempts, run: route.run, deadline: None },
        labels: BTreeMap::new(),
        idempotency: None,
        hops: admitted.hops,
        created_at: now,
        traceparent: admitted.traceparent,
    };
    let id = request.id;
    let answered = call::run(inner, request, admitted.body, Patience::Leave(LIMIT)).await?;
    let body = answer(answered)?;
    Response::builder()
        .header(header::CONTENT_TYPE, "application/json")
        .header(headers::JOB_ID, id.to_string())
        .body(body.into())
        .map_err(|_| Problem::new(Kind::Internal, "the answer could not be written"))
}

/// The worker's answer, or why there is none.
fn answer(answered: Answered) -> Result<bytes::Bytes, Problem> {
    match (answered.job.state, answered.answer) {
        (JobState::Succeeded { .. }, Some(answer)) => Ok(answer),
        (JobState::Failed { failure }, _) => Err(match failure.kind {
            FailureKind::InvalidInput => Problem::new(Kind::InvalidRequest, failure.detail),
            FailureKind::Overloaded => crate::refuse::overloaded(),
            FailureKind::Broken | FailureKind::Silent | FailureKind::Overran => {
                Problem::new(Kind::WorkerFailed, failure.detail)
            }
        }),
        (JobState::Denied { denial }, _) => {
            Err(Problem::new(Kind::Denied, denial.reason).with("rule", denial.rule))
        }
        (JobState::TimedOut { exhausted }, _) => Err(match exhausted {
            Exhausted::Deadline => {
                Problem::new(Kind::Timeout, "no worker had room in time; submit it as a job instead")
            }
            Exhausted::Attempts => Problem::new(Kind::WorkerFailed, "every worker that tried fell silent"),
        }),
        (JobState::Cancelled { .. }, _) => Err(Problem::new(Kind::Conflict, "the call was cancelled")),
        _ => Err(Problem::new(Kind::Internal, "the worker's answer was lost")),
    }
}
