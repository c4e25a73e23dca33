//! The origin behind a broker. Messages become packets on the bus, and answers and inputs lie in
//! the payload memory.
//!
//! A worker on the bus uses this directly. For other workers, the link's server uses it.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cortex_domain::backoff::Backoff;
use cortex_domain::flow::{End, Outcome};
use cortex_domain::id::WorkerId;
use cortex_domain::ports::{
    Answer, AppendError, Bus, BusError, Event, Payloads, Request, StoreError, Subscription,
};
use cortex_domain::state::{Failure, FailureKind};
use cortex_domain::subject::{Filter, Requested, Subject};
use cortex_domain::task::{Cancel, Progress, ProgressKind, Task, TaskReply};
use cortex_domain::worker::Heartbeat;
use cortex_platform::entropy;
use cortex_wire::{
    DecodeError, decode_cancel, decode_task, encode_heartbeat, encode_outcome, encode_progress,
    encode_task_reply,
};
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use tokio_util::sync::CancellationToken;

use super::offers::Offers;
use super::{Inbound, Inbox, Introduction, Origin, OriginUnreachable, Report};

/// How long to retry queueing a report.
const REPORT_TIMEOUT: Duration = Duration::from_secs(10);
/// The wait between these attempts.
const REPORT_BACKOFF: Backoff =
    Backoff { first: Duration::from_millis(20), longest: Duration::from_millis(500) };

/// A worker's connection to the bus.
pub struct Broker {
    bus: Arc<dyn Bus>,
    payloads: Arc<dyn Payloads>,
    worker: WorkerId,
    offers: Offers,
    closed: CancellationToken,
}

/// Joins the bus as the worker that `introduction` describes.
///
/// # Errors
/// Returns an error if the bus rejects its subscriptions.
pub async fn join(
    bus: Arc<dyn Bus>,
    payloads: Arc<dyn Payloads>,
    introduction: Introduction,
    heartbeat: Duration,
) -> Result<(Arc<Broker>, Inbox), BusError> {
    let worker = introduction();
    let broker = Arc::new(Broker::new(bus, payloads, worker.worker.clone()));
    let mut jobs = vec![broker.own_jobs().await?];
    for topic in &worker.topics {
        jobs.push(broker.jobs(Filter::topic(topic)).await?);
    }
    let taking = Arc::clone(&broker);
    let jobs = stream::select_all(jobs).filter_map(move |request| {
        let broker = Arc::clone(&taking);
        async move { broker.take(request).await.map(|Job { task, input, .. }| Inbound::Job { task, input }) }
    });
    let cancels = broker.own_cancels().await?.map(Inbound::Cancel);
    // The first heartbeat is lost if no scheduler runs yet. The next one will arrive.
    let _ = broker.heartbeat(worker).await;
    let inbound = stream::once(ready(Inbound::Joined { heartbeat })).chain(stream::select(jobs, cancels));
    let closed = broker.closed.clone();
    Ok((broker, inbound.take_until(closed.cancelled_owned()).boxed()))
}

impl Broker {
    pub(crate) fn new(bus: Arc<dyn Bus>, payloads: Arc<dyn Payloads>, worker: WorkerId) -> Self {
        Self { bus, payloads, worker, offers: Offers::default(), closed: CancellationToken::new() }
    }

    /// Returns the jobs that are sent to this worker.
    pub(crate) async fn own_jobs(&self) -> Result<BoxStream<'static, Request>, BusError> {
        self.jobs(Filter::worker(&self.worker)).await
    }

    async fn jobs(&self, filter: Filter<Requested>) -> Result<BoxStream<'static, Request>, BusError> {
        let jobs = Jobs(self.bus.respond(filter).await?);
        let next = |mut jobs: Jobs| async { Some((jobs.0.next().await?, jobs)) };
        Ok(stream::unfold(jobs, next).boxed())
    }

    /// Returns the cancellations that are sent to this worker.
    pub(crate) async fn own_cancels(self: &Arc<Self>) -> Result<BoxStream<'static, Cancel>, BusError> {
        let subscription = self.bus.subscribe(Filter::only(&Subject::cancel(&self.worker))).await?;
        let all = stream::unfold(subscription, |mut subscription| async {
            let event = subscription.next().await?;
            Some((event, subscription))
        });
        let broker = Arc::clone(self);
        let own = move |event: Event| {
            let cancel = decode_cancel(&event.body);
            let cancel = cancel.inspect_err(|error| broker.reject(event.subject.family(), error));
            let cancel = cancel.ok().filter(|cancel| cancel.worker == broker.worker);
            ready(cancel.inspect(|cancel| broker.offers.forget(cancel.lease.dispatch)))
        };
        Ok(all.filter_map(own).boxed())
    }

    fn reject(&self, family: &'static str, error: &DecodeError) {
        self.bus.reject(family, error.rejection(), error);
    }

    /// Decodes a job and fetches its input. The worker's first message about it is the reply. If
    /// the input is not available, reports the job as failed.
    pub(crate) async fn take(&self, request: Request) -> Option<Job> {
        let Request { subject, body: packet, reply } = request;
        let task = decode_task(&packet).inspect_err(|error| self.reject(subject.family(), error)).ok()?;
        let missing = match self.payloads.get(task.context).await {
            Ok(Some(input)) => {
                self.offers.add(task.lease.dispatch, reply);
                return Some(Job { task: Box::new(task), packet, input });
            }
            Ok(None) => "missing".to_owned(),
            Err(error) => error.to_string(),
        };
        tracing::warn!(job = %task.job, reason = missing, "the job's input could not be read");
        reply.send(encode_task_reply(TaskReply::Accepted));
        let failure = broken("the job's input could not be read");
        let outcome = Outcome { job: task.job, lease: task.lease, worker: self.worker.clone(), end: failure };
        let _ = self.queue(&outcome).await;
        None
    }

    async fn settle(&self, report: Report) -> Result<(), OriginUnreachable> {
        let Report { mut outcome, draft } = report;
        let dispatch = outcome.lease.dispatch;
        if matches!(outcome.end, End::Returned) && self.offers.reply(dispatch, TaskReply::Busy) {
            return Ok(());
        }
        self.offers.reply(dispatch, TaskReply::Accepted);
        if let (End::Succeeded { .. }, Some((pointer, payload))) = (&outcome.end, draft)
            && let Err(error) = self.payloads.put(pointer, payload).await
        {
            tracing::warn!(job = %outcome.job, %error, "a job's answer could not be stored");
            outcome.end = match error {
                StoreError::Overloaded => End::Failed {
                    failure: Failure::new(FailureKind::Overloaded, "no space left for the result"),
                },
                StoreError::RetentionExceeded(_)
                | StoreError::TermOver
                | StoreError::Broken(_)
                | StoreError::Corrupt(_) => broken("the result could not be stored"),
            };
        }
        self.queue(&outcome).await
    }

    /// Queues a report, and retries while the queue is full.
    async fn queue(&self, outcome: &Outcome) -> Result<(), OriginUnreachable> {
        let packet = encode_outcome(outcome);
        let subject = Subject::result(outcome.lease.dispatch.share());
        let queueing = async {
            let mut failures = 0;
            loop {
                match self.bus.append(subject.clone(), packet.clone()).await {
                    Ok(()) => return Ok(()),
                    Err(AppendError::Bus(BusError::Closed)) => return Err(OriginUnreachable),
                    Err(error) => {
                        tracing::debug!(job = %outcome.job, %error, "a report was not queued");
                        failures += 1;
                        tokio::time::sleep(REPORT_BACKOFF.wait(failures, entropy::fraction())).await;
                    }
                }
            }
        };
        tokio::time::timeout(REPORT_TIMEOUT, queueing).await.unwrap_or(Err(OriginUnreachable))
    }
}

impl Origin for Broker {
    fn heartbeat(&self, heartbeat: Heartbeat) -> Answer<'_, Result<(), OriginUnreachable>> {
        let subject = Subject::heartbeat(&heartbeat.worker, &heartbeat.pool);
        self.bus.publish(subject, encode_heartbeat(&heartbeat));
        Box::pin(ready(Ok(())))
    }

    fn progress(&self, progress: Progress) -> Answer<'_, Result<(), OriginUnreachable>> {
        if progress.what == ProgressKind::Started {
            self.offers.reply(progress.lease.dispatch, TaskReply::Started);
        }
        self.bus.publish(Subject::progress(progress.job), encode_progress(&progress));
        Box::pin(ready(Ok(())))
    }

    fn report(&self, report: Report) -> Answer<'_, Result<(), OriginUnreachable>> {
        Box::pin(self.settle(report))
    }

    /// The worker sends nothing more. It has not seen the jobs that it did not reply to.
    fn close(&self) {
        self.offers.refuse_all();
        self.closed.cancel();
    }
}

impl std::fmt::Debug for Broker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Broker").field("worker", &self.worker).finish_non_exhaustive()
    }
}

fn broken(detail: &str) -> End {
    End::Failed { failure: Failure::new(FailureKind::Broken, detail) }
}

/// A received job.
pub(crate) struct Job {
    pub(crate) task: Box<Task>,
    pub(crate) packet: Bytes,
    pub(crate) input: Bytes,
}

/// Jobs for a worker. Unread jobs are given back when the worker leaves.
struct Jobs(Box<dyn Subscription<Request>>);

impl Drop for Jobs {
    fn drop(&mut self) {
        while let Some(Some(request)) = self.0.next().now_or_never() {
            request.reply.send(encode_task_reply(TaskReply::Busy));
        }
    }
}
