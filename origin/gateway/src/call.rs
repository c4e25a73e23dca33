//! Synchronous calls: over the bus to the scheduler, with the payloads in memory.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use bytes::Bytes;
use cortex_api::{Problem, headers};
use cortex_domain::ErrorCode;
use cortex_domain::call::Called;
use cortex_domain::id::{JobId, ModelName};
use cortex_domain::job::{CostEstimate, Job, Limits, Priority, Request};
use cortex_domain::pointer::Pointer;
use cortex_domain::ports::{Bus, Payloads};
use cortex_domain::state::{Exhausted, State};
use cortex_domain::subject::Subject;
use cortex_domain::topic::Topic;
use cortex_guard::fingerprint;
use cortex_wire::{decode_called, encode_call, encode_submit};
use http::header;

use crate::door::Admitted;
use crate::gateway::Inner;
use crate::refuse;
use crate::waits::Wait;

/// A call that was answered: it ended, well or not, or its job goes on without the caller.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) job: Job,
    /// What the worker answered, if the job succeeded.
    pub(crate) answer: Option<Bytes>,
}

impl Answered {
    /// The worker's answer, as the caller gets it.
    ///
    /// # Errors
    /// With why there is none.
    pub(crate) fn into_response(self) -> Result<Response, Problem> {
        let id = self.job.id();
        respond(id, self.into_answer()?)
    }

    /// The worker's answer.
    ///
    /// # Errors
    /// With why there is none.
    pub(crate) fn into_answer(self) -> Result<Bytes, Problem> {
        match (self.job.state, self.answer) {
            (State::Succeeded { .. }, Some(answer)) => Ok(answer),
            (State::Failed { failure }, _) => Err(refuse::failed(failure)),
            (State::Denied { denial }, _) => {
                Err(Problem::new(ErrorCode::Denied, denial.reason).with("rule", denial.rule))
            }
            (State::TimedOut { exhausted }, _) => Err(match exhausted {
                Exhausted::Deadline => {
                    Problem::new(ErrorCode::Timeout, "no worker had room in time; submit it as a job instead")
                }
                Exhausted::Attempts => {
                    Problem::new(ErrorCode::WorkerFailed, "every worker that tried fell silent")
                }
            }),
            (State::Cancelled { .. }, _) => Err(Problem::new(ErrorCode::Conflict, "the call was cancelled")),
            _ => Err(Problem::new(ErrorCode::Internal, "the worker's answer was lost")),
        }
    }
}

/// A call's answer: JSON, and which job it was.
pub(crate) fn respond(job: JobId, body: Bytes) -> Result<Response, Problem> {
    Response::builder()
        .header(header::CONTENT_TYPE, "application/json")
        .header(headers::JOB_ID, job.to_string())
        .body(body.into())
        .map_err(|_| Problem::new(ErrorCode::Internal, "the answer could not be written"))
}

/// What a caller does when it has waited long enough.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Patience {
    /// It leaves, and the worker is told to stop.
    Leave(Duration),
    /// It takes the job's id: the job is made durable as it stands.
    Keep(Duration),
}

/// How long the scheduler may take to answer once the caller's patience is over.
const GRACE: Duration = Duration::from_secs(5);

/// An admitted request as a call of a topic, for a model, and its body.
///
/// # Errors
/// If no pool does the topic, or the caller counts on an idempotency key.
pub(crate) fn request(
    inner: &Inner,
    admitted: Admitted,
    topic: Topic,
    model: ModelName,
    labels: BTreeMap<String, String>,
) -> Result<(Request, Bytes), Problem> {
    let route = inner
        .catalogue
        .route(&topic)
        .ok_or_else(|| Problem::new(ErrorCode::Unavailable, format!("no pool is set up for `{topic}`")))?;
    if admitted.idempotency.is_some() {
        let detail = "`Idempotency-Key` has no effect here, since the answer is not kept (expected on POST /api/v1/jobs alone)";
        return Err(Problem::new(ErrorCode::InvalidRequest, detail).at(headers::IDEMPOTENCY_KEY));
    }
    let request = Request {
        id: admitted.job.unwrap_or_else(|| inner.mint()),
        owner: admitted.owner,
        topic,
        model: Some(model),
        priority: Priority::Normal,
        // Its caller's patience is no deadline: that would go by a clock which may be set.
        limits: Limits { attempts: route.attempts, run: route.run, deadline: None },
        labels,
        idempotency: None,
        content: Some(fingerprint::content(&admitted.body)),
        estimate: CostEstimate::of_input(&admitted.body),
        hops: admitted.hops,
        created_at: inner.now(),
        traceparent: admitted.traceparent,
    };
    Ok((request, admitted.body))
}

/// Runs a call. Whoever drops the future leaves.
pub(crate) async fn run(
    inner: &Arc<Inner>,
    request: Request,
    input: Bytes,
    patience: Patience,
) -> Result<Answered, Problem> {
    let mut open = Open::new(inner, &request, inner.waits.enter(&request.owner.tenant)?);
    let context = Pointer::context(inner.store.memory(), request.id);
    inner.payloads.put(context, input).await.map_err(|error| refuse::store(&error))?;
    let ask = |within| inner.bus.request(Subject::JOB_CALL, encode_call(&request), within);
    let reply = match patience {
        Patience::Leave(within) => ask(within).await,
        Patience::Keep(within) => {
            let mut reply = ask(within + GRACE);
            tokio::select! {
                biased;
                reply = &mut reply => reply,
                () = tokio::time::sleep(within) => {
                    ask_to_keep(inner, request.id).await?;
                    reply.await
                }
            }
        }
    };
    let reply = reply.map_err(|error| refuse::bus(&error))?;
    let called = decode_called(&reply).map_err(|error| {
        tracing::error!(%error, "the scheduler's reply could not be read");
        Problem::new(ErrorCode::Internal, "the scheduler's reply could not be read")
    })?;
    open.ended = true;
    match called {
        Called::Ended { job, answer } => {
            let answer = match answer {
                Some(pointer) => inner.payloads.get(pointer).await.map_err(|error| refuse::store(&error))?,
                None => None,
            };
            Ok(Answered { job: *job, answer })
        }
        Called::Kept { job } => Ok(Answered { job: *job, answer: None }),
        Called::Refused(refusal) => Err(refuse::call(refusal, open.wait.turn_away())),
    }
}

/// Its payloads are in the store before the job is.
async fn ask_to_keep(inner: &Inner, job: JobId) -> Result<(), Problem> {
    inner.payloads.keep(job).await.map_err(|error| refuse::store(&error))?;
    let asked = inner.bus.publish(Subject::JOB_KEEP, encode_submit(job)).await;
    asked.map_err(|error| refuse::bus(&error))
}

/// Ends a call that nobody waits for any longer.
pub(crate) async fn hang_up(bus: &dyn Bus, job: JobId) {
    if let Err(error) = bus.publish(Subject::JOB_HANGUP, encode_submit(job)).await {
        tracing::debug!(%job, %error, "the scheduler did not hear that the caller left");
    }
}

/// A call whose payloads are in memory.
struct Open {
    inner: Arc<Inner>,
    job: JobId,
    ended: bool,
    wait: Wait,
}

impl Open {
    fn new(inner: &Arc<Inner>, request: &Request, wait: Wait) -> Self {
        let job = request.id;
        inner.payloads.open(job, &request.owner.tenant);
        inner.calls.enter(job, request.owner.tenant.clone());
        Self { inner: inner.clone(), job, ended: false, wait }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.inner.payloads.close(self.job);
        self.inner.calls.leave(self.job);
        if !self.ended {
            let (bus, job) = (self.inner.bus.clone(), self.job);
            self.inner.spawn(async move { hang_up(bus.as_ref(), job).await });
        }
    }
}
