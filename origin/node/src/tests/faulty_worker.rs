//! A worker with every kind of fault.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use cortex_domain::event::Timings;
use cortex_domain::flow::{End, Outcome};
use cortex_domain::id::{DispatchId, JobId, WorkerId};
use cortex_domain::pointer::Pointer;
use cortex_domain::ports::{Bus, Payloads, Reply, Request};
use cortex_domain::state::{Attempt, Failure, FailureKind, Lease};
use cortex_domain::subject::{Filter, Subject};
use cortex_domain::task::{Progress, ProgressKind, Task, TaskReply};
use cortex_domain::worker::{Heartbeat, HeldLease};
use tokio_util::sync::CancellationToken;

use super::seeded_random::SeededRandom;

/// Returns the response of a dispatch, which differs for each dispatch of a job.
pub(crate) fn answer(job: JobId, dispatch: DispatchId) -> Bytes {
    format!("\"{job} {dispatch}\"").into()
}

pub(crate) struct FaultyWorker {
    pub(crate) id: WorkerId,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) payloads: Arc<dyn Payloads>,
    pub(crate) random: Arc<SeededRandom>,
    pub(crate) stale: Arc<AtomicU64>,
}

impl FaultyWorker {
    /// Works until `stop`.
    pub(crate) async fn work(self: Arc<Self>, stop: CancellationToken) {
        let mut inbox = self.bus.respond(Filter::worker(&self.id)).await.unwrap();
        let mut old: Vec<(JobId, Lease)> = Vec::new();
        self.beat(&[]).await;
        loop {
            let request = tokio::select! {
                () = stop.cancelled() => return,
                request = inbox.next() => request,
            };
            let Some(Request { body, reply, .. }) = request else { return };
            let task = cortex_wire::decode_task(&body).unwrap();
            self.handle(&task, Some(reply), &old).await;
            old.push((task.job, task.lease));
            self.beat(&[]).await;
        }
    }

    async fn handle(&self, task: &Task, mut reply: Option<Box<dyn Reply>>, old: &[(JobId, Lease)]) {
        let (job, lease) = (task.job, task.lease);
        if self.random.chance(30)
            && let Some((job, lease)) = old.get(usize::try_from(self.random.below(64)).unwrap())
        {
            self.stale.fetch_add(1, Ordering::Relaxed);
            self.succeed(*job, *lease).await;
        }
        if self.random.chance(20) {
            let forged = Lease { dispatch: DispatchId::new(self.random.bytes()), ..lease };
            self.stale.fetch_add(2, Ordering::Relaxed);
            self.succeed(job, forged).await;
            self.succeed(job, Lease { attempt: Attempt(lease.attempt.0 + 1), ..lease }).await;
        }
        if self.random.chance(30) {
            answer_with(&mut reply, TaskReply::Accepted);
        }
        match self.random.below(10) {
            // The worker never responds.
            0 => {}
            1 => self.start(job, lease, &mut reply),
            2 => self.fail(job, lease, FailureKind::Broken).await,
            3 => self.fail(job, lease, FailureKind::InvalidInput).await,
            4 if self.random.chance(50) => answer_with(&mut reply, TaskReply::Busy),
            4 => self.report(job, lease, End::Returned).await,
            5 => {
                // The reply is lost, but the report is not.
                self.report(job, lease, succeeded()).await;
            }
            6 => {
                // The start arrives after the end.
                self.succeed(job, lease).await;
                self.start(job, lease, &mut reply);
            }
            7 => {
                self.start(job, lease, &mut reply);
                self.succeed(job, lease).await;
                self.stale.fetch_add(1, Ordering::Relaxed);
                self.succeed(job, lease).await;
                self.fail(job, lease, FailureKind::Broken).await;
            }
            _ => {
                self.start(job, lease, &mut reply);
                self.succeed(job, lease).await;
            }
        }
    }

    pub(crate) async fn beat(&self, held: &[HeldLease]) {
        let (pool, topics) = ("echo".parse().unwrap(), vec!["job.echo".parse().unwrap()]);
        let heartbeat =
            Heartbeat { held: held.to_vec(), ..Heartbeat::new(self.id.clone(), "echo", pool, topics, 4) };
        let subject = Subject::heartbeat(&heartbeat.worker, &heartbeat.pool);
        self.bus.publish(subject, cortex_wire::encode_heartbeat(&heartbeat));
    }

    fn start(&self, job: JobId, lease: Lease, reply: &mut Option<Box<dyn Reply>>) {
        answer_with(reply, TaskReply::Started);
        let progress = Progress { job, lease, worker: self.id.clone(), seq: 0, what: ProgressKind::Started };
        self.bus.publish(Subject::progress(job), cortex_wire::encode_progress(&progress));
    }

    async fn succeed(&self, job: JobId, lease: Lease) {
        let draft = Pointer::draft(self.payloads.memory(), job, lease.dispatch);
        self.payloads.put(draft, answer(job, lease.dispatch)).await.unwrap();
        self.report(job, lease, succeeded()).await;
    }

    async fn fail(&self, job: JobId, lease: Lease, kind: FailureKind) {
        self.report(job, lease, End::Failed { failure: Failure::new(kind, "it broke") }).await;
    }

    async fn report(&self, job: JobId, lease: Lease, end: End) {
        let outcome = Outcome { job, lease, worker: self.id.clone(), end };
        let _ = self
            .bus
            .append(Subject::result(lease.dispatch.share()), cortex_wire::encode_outcome(&outcome))
            .await;
    }
}

fn answer_with(reply: &mut Option<Box<dyn Reply>>, with: TaskReply) {
    if let Some(reply) = reply.take() {
        reply.send(cortex_wire::encode_task_reply(with));
    }
}

fn succeeded() -> End {
    End::Succeeded { timings: Timings::default() }
}
