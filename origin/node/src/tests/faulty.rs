//! A worker on which everything that can go wrong does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use cortex_domain::event::Timings;
use cortex_domain::flow::{End, Outcome};
use cortex_domain::id::{DispatchId, JobId, WorkerId};
use cortex_domain::pointer::Pointer;
use cortex_domain::ports::{Bus, Payloads};
use cortex_domain::state::{Attempt, Failure, FailureKind, Lease};
use cortex_domain::subject::{Filter, Subject};
use cortex_domain::task::{Progress, Said, Task};
use cortex_domain::worker::{Heartbeat, Held};
use tokio_util::sync::CancellationToken;

use super::dice::Dice;

/// What a dispatch answers: tells dispatches of one job apart.
pub(crate) fn answer(job: JobId, dispatch: DispatchId) -> Bytes {
    format!("\"{job} {dispatch}\"").into()
}

pub(crate) struct Faulty {
    pub(crate) id: WorkerId,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) payloads: Arc<dyn Payloads>,
    pub(crate) dice: Arc<Dice>,
    pub(crate) stale: Arc<AtomicU64>,
}

impl Faulty {
    /// Works until `stop`.
    pub(crate) async fn work(self: Arc<Self>, stop: CancellationToken) {
        let mut inbox = self.bus.subscribe(Filter::worker(&self.id), None).await.unwrap();
        let mut old: Vec<(JobId, Lease)> = Vec::new();
        self.beat(&[]).await;
        loop {
            let delivery = tokio::select! {
                () = stop.cancelled() => return,
                delivery = inbox.next() => delivery,
            };
            let Some(delivery) = delivery else { return };
            let task = cortex_wire::decode_task(&delivery.body).unwrap();
            self.handle(&task, &old).await;
            old.push((task.job, task.lease));
            self.beat(&[]).await;
        }
    }

    async fn handle(&self, task: &Task, old: &[(JobId, Lease)]) {
        let (job, lease) = (task.job, task.lease);
        if self.dice.chance(30)
            && let Some((job, lease)) = old.get(usize::try_from(self.dice.below(64)).unwrap())
        {
            self.stale.fetch_add(1, Ordering::Relaxed);
            self.succeed(*job, *lease).await;
        }
        if self.dice.chance(20) {
            let forged = Lease { dispatch: DispatchId::new(self.dice.bytes()), ..lease };
            self.stale.fetch_add(2, Ordering::Relaxed);
            self.succeed(job, forged).await;
            self.succeed(job, Lease { attempt: Attempt(lease.attempt.0 + 1), ..lease }).await;
        }
        match self.dice.below(10) {
            // Never heard of again.
            0 => {}
            1 => self.start(job, lease).await,
            2 => self.fail(job, lease, FailureKind::Broken).await,
            3 => self.fail(job, lease, FailureKind::InvalidInput).await,
            4 => self.report(job, lease, End::Returned).await,
            5 => {
                // Its answer gets lost, its report does not.
                self.report(job, lease, succeeded()).await;
            }
            6 => {
                // The start comes after the end.
                self.succeed(job, lease).await;
                self.start(job, lease).await;
            }
            7 => {
                self.start(job, lease).await;
                self.succeed(job, lease).await;
                self.stale.fetch_add(1, Ordering::Relaxed);
                self.succeed(job, lease).await;
                self.fail(job, lease, FailureKind::Broken).await;
            }
            _ => {
                self.start(job, lease).await;
                self.succeed(job, lease).await;
            }
        }
    }

    pub(crate) async fn beat(&self, held: &[Held]) {
        let (pool, topics) = ("echo".parse().unwrap(), vec!["job.echo".parse().unwrap()]);
        let heartbeat =
            Heartbeat { held: held.to_vec(), ..Heartbeat::new(self.id.clone(), "echo", pool, topics, 4) };
        let _ = self.bus.publish(Subject::HEARTBEAT, cortex_wire::encode_heartbeat(&heartbeat)).await;
    }

    async fn start(&self, job: JobId, lease: Lease) {
        let progress = Progress { job, lease, worker: self.id.clone(), seq: 0, what: Said::Started };
        let _ = self.bus.publish(Subject::progress(job), cortex_wire::encode_progress(&progress)).await;
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
        let _ = self.bus.publish(Subject::JOB_RESULT, cortex_wire::encode_outcome(&outcome)).await;
    }
}

fn succeeded() -> End {
    End::Succeeded { timings: Timings::default() }
}
