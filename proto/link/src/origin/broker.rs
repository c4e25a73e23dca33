//! The origin behind a broker: words become packets on the bus, answers and inputs lie in the payload memory.
//!
//! A worker that is on the bus itself uses this; for one that is not, the link's server does.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cortex_domain::flow::{End, Outcome};
use cortex_domain::id::WorkerId;
use cortex_domain::ports::{Answer, Bus, BusError, Payloads, StoreError, Subscription};
use cortex_domain::state::{Failure, FailureKind};
use cortex_domain::subject::{Filter, Subject};
use cortex_domain::task::{Cancel, Progress, Task};
use cortex_domain::worker::{Heartbeat, Held};
use cortex_wire::{decode_cancel, decode_task, encode_heartbeat, encode_outcome, encode_progress};
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::{Away, Heard, Inbox, Introduction, Origin, Report};

/// How long a report is offered to a bus that doesn't take it.
const OFFERED: Duration = Duration::from_secs(10);
const BETWEEN_OFFERS: Duration = Duration::from_millis(100);

/// A worker's presence on the bus.
pub struct Broker {
    bus: Arc<dyn Bus>,
    payloads: Arc<dyn Payloads>,
    worker: WorkerId,
    closed: CancellationToken,
}

/// Joins the bus as the worker that introduces itself.
///
/// # Errors
/// If the bus doesn't take its subscriptions.
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
        jobs.push(broker.jobs(Filter::topic(topic), Some("workers")).await?);
    }
    let taking = Arc::clone(&broker);
    let jobs = stream::select_all(jobs).filter_map(move |packet| {
        let broker = Arc::clone(&taking);
        async move { broker.take(&packet).await.map(|(task, input)| Heard::Job { task, input }) }
    });
    let cancels = broker.own_cancels().await?.map(Heard::Cancel);
    // Its first word goes unheard where no scheduler is up yet; the next one won't.
    let _ = broker.heartbeat(worker).await;
    let heard = stream::once(ready(Heard::Joined { heartbeat })).chain(stream::select(jobs, cancels));
    let closed = broker.closed.clone();
    Ok((broker, heard.take_until(closed.cancelled_owned()).boxed()))
}

impl Broker {
    pub(crate) fn new(bus: Arc<dyn Bus>, payloads: Arc<dyn Payloads>, worker: WorkerId) -> Self {
        Self { bus, payloads, worker, closed: CancellationToken::new() }
    }

    /// The packets of jobs that are sent to this worker.
    pub(crate) async fn own_jobs(self: &Arc<Self>) -> Result<BoxStream<'static, Bytes>, BusError> {
        self.jobs(Filter::worker(&self.worker), None).await
    }

    async fn jobs(
        self: &Arc<Self>,
        filter: Filter,
        group: Option<&'static str>,
    ) -> Result<BoxStream<'static, Bytes>, BusError> {
        let subscription = Some(self.bus.subscribe(filter, group).await?);
        let jobs = Jobs { subscription, broker: Arc::clone(self) };
        let next = |mut jobs: Jobs| async {
            let delivery = jobs.subscription.as_mut()?.next().await?;
            Some((delivery.body, jobs))
        };
        Ok(stream::unfold(jobs, next).boxed())
    }

    /// Words to this worker to stop a dispatch.
    pub(crate) async fn own_cancels(&self) -> Result<BoxStream<'static, Cancel>, BusError> {
        let subscription = self.bus.subscribe(Filter::only(&Subject::JOB_CANCEL), None).await?;
        let all = stream::unfold(subscription, |mut subscription| async {
            let delivery = subscription.next().await?;
            Some((delivery.body, subscription))
        });
        let worker = self.worker.clone();
        let own = move |packet: Bytes| {
            let cancel = decode_cancel(&packet)
                .inspect_err(|error| tracing::warn!(%error, "a cancellation that can't be read"));
            ready(cancel.ok().filter(|cancel| cancel.worker == worker))
        };
        Ok(all.filter_map(own).boxed())
    }

    /// Reads a job's packet and fetches its input. One whose input can't be had is reported as failed.
    pub(crate) async fn take(&self, packet: &[u8]) -> Option<(Box<Task>, Bytes)> {
        let task = decode_task(packet)
            .inspect_err(|error| tracing::warn!(%error, worker = %self.worker, "a job that can't be read"))
            .ok()?;
        let missing = match self.payloads.get(task.context).await {
            Ok(Some(input)) => return Some((Box::new(task), input)),
            Ok(None) => "it is not there".to_owned(),
            Err(error) => error.to_string(),
        };
        tracing::warn!(job = %task.job, reason = missing, "the job's input can't be read");
        let failure = broken("the job's input could not be read");
        let outcome = Outcome { job: task.job, lease: task.lease, worker: self.worker.clone(), end: failure };
        let _ = self.offer(&outcome).await;
        None
    }

    /// Reports that the worker was not able to run a job, through no fault of the job's.
    pub(crate) async fn hand_back(&self, held: Held) {
        let Held { job, lease } = held;
        let outcome = Outcome { job, lease, worker: self.worker.clone(), end: End::Returned };
        let _ = self.offer(&outcome).await;
    }

    async fn settle(&self, report: Report) -> Result<(), Away> {
        let Report { mut outcome, draft } = report;
        if let (End::Succeeded { .. }, Some((pointer, payload))) = (&outcome.end, draft)
            && let Err(error) = self.payloads.put(pointer, payload).await
        {
            tracing::warn!(job = %outcome.job, %error, "a job's answer could not be stored");
            outcome.end = match error {
                StoreError::Overloaded => End::Failed {
                    failure: Failure::new(FailureKind::Overloaded, "there was no room for the answer"),
                },
                StoreError::Beyond(_) | StoreError::Broken(_) | StoreError::Corrupt(_) => {
                    broken("the answer could not be stored")
                }
            };
        }
        self.offer(&outcome).await
    }

    /// Publishes a report, again while the bus has no room for it or nobody is there to hear it.
    async fn offer(&self, outcome: &Outcome) -> Result<(), Away> {
        let packet = encode_outcome(outcome);
        let offering = async {
            loop {
                match self.bus.publish(Subject::JOB_RESULT, packet.clone()).await {
                    Ok(()) => return Ok(()),
                    Err(BusError::Closed) => return Err(Away),
                    Err(error) => {
                        tracing::debug!(job = %outcome.job, %error, "a report was not taken");
                        tokio::time::sleep(BETWEEN_OFFERS).await;
                    }
                }
            }
        };
        tokio::time::timeout(OFFERED, offering).await.unwrap_or(Err(Away))
    }
}

impl Origin for Broker {
    fn heartbeat(&self, heartbeat: Heartbeat) -> Answer<'_, Result<(), Away>> {
        let publishing = self.bus.publish(Subject::HEARTBEAT, encode_heartbeat(&heartbeat));
        Box::pin(async { publishing.await.map_err(|_| Away) })
    }

    fn progress(&self, progress: Progress) -> Answer<'_, Result<(), Away>> {
        let publishing = self.bus.publish(Subject::progress(progress.job), encode_progress(&progress));
        Box::pin(async {
            match publishing.await {
                // Nobody has to listen to progress.
                Ok(()) | Err(BusError::NoListener(_)) => Ok(()),
                Err(_) => Err(Away),
            }
        })
    }

    fn report(&self, report: Report) -> Answer<'_, Result<(), Away>> {
        Box::pin(self.settle(report))
    }

    fn close(&self) {
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

/// Jobs for a worker. Those that it has not read when it leaves go back.
struct Jobs {
    subscription: Option<Box<dyn Subscription>>,
    broker: Arc<Broker>,
}

impl Drop for Jobs {
    fn drop(&mut self) {
        let (Some(mut rest), Ok(runtime)) = (self.subscription.take(), Handle::try_current()) else { return };
        let broker = Arc::clone(&self.broker);
        runtime.spawn(async move {
            while let Some(Some(delivery)) = rest.next().now_or_never() {
                if let Ok(task) = decode_task(&delivery.body) {
                    broker.hand_back(Held { job: task.job, lease: task.lease }).await;
                }
            }
        });
    }
}
