//! Runs calls.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cortex_api::timeouts::KEEP_TIMEOUT;
use cortex_api::{Problem, headers};
use cortex_bus::payload::TieredPayloads;
use cortex_domain::ErrorCode;
use cortex_domain::call::CallReply;
use cortex_domain::catalogue::TopicCatalogue;
use cortex_domain::id::{JobId, ModelName, Tenant};
use cortex_domain::job::{CostEstimate, InputFormat, Limits, Priority, Request};
use cortex_domain::pointer::Pointer;
use cortex_domain::ports::{Bus, Payloads};
use cortex_domain::share::Share;
use cortex_domain::topic::Topic;
use cortex_domain::topics;
use cortex_guard::fingerprint;
use cortex_platform::clock::Clock;
use cortex_platform::entropy;
use cortex_platform::telemetry::{self, genai};
use tokio_util::sync::CancellationToken;

use super::open_calls::OpenCalls;
use super::result::CallResult;
use super::scheduler::{CallError, SchedulerClient};
use crate::auth::Admitted;
use crate::background_tasks::BackgroundTasks;
use crate::concurrency::{ConcurrencyLimit, ConcurrencyPermit};
use crate::error;
use crate::metrics::ModelMetrics;

/// What happens when a caller has waited long enough.
#[derive(Clone, Copy, Debug)]
pub(crate) enum OnTimeout {
    /// The caller disconnects, and the worker stops.
    Abandon(Duration),
    /// The caller gets the job's id, and the job becomes durable in its present state.
    Keep(Duration),
}

/// Makes calls to the scheduler. Clones share the open calls.
#[derive(Clone)]
pub(crate) struct Calls {
    parts: Arc<Parts>,
    scheduler: SchedulerClient,
    open: OpenCalls,
}

/// The dependencies of calls.
pub(crate) struct Parts {
    pub(crate) bus: Arc<dyn Bus>,
    /// Whether several schedulers use the store.
    pub(crate) several_schedulers: bool,
    /// Stores payloads of open calls in memory, and all others in the store.
    pub(crate) payloads: Arc<TieredPayloads>,
    pub(crate) catalogue: Arc<TopicCatalogue>,
    pub(crate) clock: Clock,
    pub(crate) limit: ConcurrencyLimit,
    pub(crate) background: BackgroundTasks,
    pub(crate) metrics: ModelMetrics,
}

impl Calls {
    pub(crate) fn new(parts: Parts) -> Self {
        let scheduler = SchedulerClient::new(parts.bus.clone(), parts.several_schedulers);
        Self { parts: Arc::new(parts), scheduler, open: OpenCalls::default() }
    }

    /// Builds the request of a call from an admitted HTTP request. The worker receives its input in
    /// normalised form.
    ///
    /// # Errors
    /// Returns an error if no pool handles the topic, or if the caller sent an idempotency key.
    pub(crate) fn request(
        &self,
        admitted: &Admitted,
        topic: Topic,
        model: ModelName,
        labels: BTreeMap<String, String>,
    ) -> Result<Request, Problem> {
        let Parts { catalogue, clock, .. } = &*self.parts;
        let route = catalogue.route(&topic).ok_or_else(|| {
            Problem::new(ErrorCode::Unavailable, format!("no pool is configured for the topic `{topic}`"))
        })?;
        if admitted.idempotency.is_some() {
            let detail = "unsupported header `Idempotency-Key`: the response is not stored \
                (expected on POST /api/v1/jobs only)";
            return Err(Problem::new(ErrorCode::InvalidRequest, detail).at(headers::IDEMPOTENCY_KEY));
        }
        let id = admitted.job.unwrap_or_else(|| JobId::mint(clock.now(), entropy::random()));
        telemetry::record_job(id);
        telemetry::record_current(genai::OPERATION_NAME, operation(&topic));
        telemetry::record_current(genai::REQUEST_MODEL, model.as_str());
        Ok(Request {
            id,
            owner: admitted.owner.clone(),
            topic,
            model: Some(model),
            input: InputFormat::Normalised,
            priority: Priority::Normal,
            // The caller's waiting time is not a deadline: a deadline would depend on a clock that
            // can be set.
            limits: Limits { attempts: route.attempts, run: route.run, deadline: None },
            labels,
            idempotency: None,
            content: Some(fingerprint::content(&admitted.body)),
            estimate: CostEstimate::of_input(&admitted.body),
            hops: admitted.hops.clone(),
            created_at: clock.now(),
            traceparent: admitted.traceparent.clone(),
        })
    }

    /// Runs a call. Dropping the future abandons it.
    ///
    /// # Errors
    /// Returns an error if the tenant has too many open calls, or if the scheduler is unreachable
    /// or rejects the call.
    pub(crate) async fn run(
        &self,
        request: Request,
        input: Bytes,
        on_timeout: OnTimeout,
    ) -> Result<CallResult, Problem> {
        let Parts { payloads, metrics, .. } = &*self.parts;
        let scheduler = &self.scheduler;
        let (began, operation, model) = (Instant::now(), operation(&request.topic), request.model.clone());
        let mut open = OpenCall::new(self, &request, self.acquire(&request.owner.tenant)?);
        let context = Pointer::context(payloads.memory(), request.id);
        payloads.put(context, input).await.map_err(|error| error::from_store(&error))?;
        let share = Share::of(&request.owner.tenant);
        let ask = |within| scheduler.call(&request, within);
        let reply = match on_timeout {
            OnTimeout::Abandon(within) => ask(within).await,
            OnTimeout::Keep(within) => {
                let reply = ask(within + KEEP_TIMEOUT);
                tokio::pin!(reply);
                tokio::select! {
                    biased;
                    reply = &mut reply => reply,
                    () = tokio::time::sleep(within) => {
                        self.ask_to_keep(request.id, share).await?;
                        reply.await
                    }
                }
            }
        };
        let called = reply.map_err(|error| match error {
            CallError::Request(error) => error::from_request(&error),
            CallError::Reply(error) => {
                tracing::error!(%error, "the scheduler's reply is invalid");
                Problem::new(ErrorCode::Internal, "the scheduler's reply is invalid")
            }
            CallError::Lost => error::call_lost(),
        })?;
        open.ended = true;
        if let Some(model) = model {
            metrics.ended(operation, model.as_str(), began.elapsed());
        }
        match called {
            CallReply::Ended { job, answer } => {
                let answer = match answer {
                    Some(pointer) => {
                        payloads.get(pointer).await.map_err(|error| error::from_store(&error))?
                    }
                    None => None,
                };
                Ok(CallResult { job: *job, answer })
            }
            CallReply::Kept { job } => Ok(CallResult { job: *job, answer: None }),
            CallReply::Refused(refusal) => Err(error::from_call(refusal, open.permit.reject())),
        }
    }

    pub(crate) fn metrics(&self) -> &ModelMetrics {
        &self.parts.metrics
    }

    /// Counts a caller that waits for the end of a job.
    ///
    /// # Errors
    /// Returns an error if the tenant has reached its limit of open calls and waits.
    pub(crate) fn acquire(&self, tenant: &Tenant) -> Result<ConcurrencyPermit, Problem> {
        self.parts.limit.acquire(tenant)
    }

    /// Cancels a tenant's call. Returns a token that is cancelled once the call has ended, or
    /// `None` if no such call is open.
    pub(crate) async fn cancel(&self, job: JobId, tenant: &Tenant) -> Option<CancellationToken> {
        let ended = self.open.find(job, tenant)?;
        self.scheduler.hang_up(job, Share::of(tenant)).await;
        Some(ended)
    }

    /// Makes a call durable. Its payloads are stored before its job.
    async fn ask_to_keep(&self, job: JobId, share: Share) -> Result<(), Problem> {
        self.parts.payloads.keep(job).await.map_err(|error| error::from_store(&error))?;
        self.scheduler.keep(job, share).await.map_err(|error| error::from_request(&error))
    }
}

/// Returns OpenTelemetry's name for the operation of a topic.
pub(crate) fn operation(topic: &Topic) -> &'static str {
    match topic {
        topic if *topic == topics::CHAT_SIMPLE => genai::CHAT,
        topic if *topic == topics::COMPLETE => genai::TEXT_COMPLETION,
        topic if *topic == topics::EMBED => genai::EMBEDDINGS,
        _ => "other",
    }
}

impl fmt::Debug for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Calls").field("open", &self.open).finish_non_exhaustive()
    }
}

/// A call with payloads in memory.
struct OpenCall {
    calls: Calls,
    job: JobId,
    share: Share,
    ended: bool,
    permit: ConcurrencyPermit,
}

impl OpenCall {
    fn new(calls: &Calls, request: &Request, permit: ConcurrencyPermit) -> Self {
        let job = request.id;
        calls.parts.payloads.open(job, &request.owner.tenant);
        calls.open.insert(job, request.owner.tenant.clone());
        Self { calls: calls.clone(), job, share: Share::of(&request.owner.tenant), ended: false, permit }
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        let Parts { payloads, background, .. } = &*self.calls.parts;
        payloads.close(self.job);
        self.calls.open.remove(self.job);
        let (calls, job, share, ended) = (self.calls.clone(), self.job, self.share, self.ended);
        if ended && !calls.scheduler.has_several() {
            return;
        }
        background.spawn(async move {
            if !ended {
                calls.scheduler.hang_up(job, share).await;
            }
            if let Err(error) = calls.parts.payloads.discard(job).await {
                tracing::debug!(%job, %error, "the payloads of a call were not deleted");
            }
        });
    }
}
