//! One worker's link. Its frames become packets on the bus, and messages to it become frames.

use std::future::ready;
use std::pin::Pin;
use std::sync::Arc;

use cortex_domain::flow::End;
use cortex_domain::id::{JobId, Pool, WorkerId};
use cortex_domain::ports::BusError;
use cortex_domain::state::Lease;
use cortex_domain::task::Progress;
use cortex_domain::worker::{Heartbeat, HeldLease};
use cortex_wire::link::{self, UpFrame};
use cortex_wire::v1;
use futures::stream::{self, FuturesUnordered};
use futures::{Stream, StreamExt};
use tonic::{Status, Streaming};

use super::assigned::Ownership;
use super::shared::{Presence, Shared};
use crate::origin::{Broker, Job, Origin, Report};

type DownStream = Pin<Box<dyn Stream<Item = Result<v1::Down, Status>> + Send>>;

/// Connects the worker to the bus and reads its frames until it leaves. Returns the stream of
/// frames for it.
pub(super) async fn begin(
    shared: Arc<Shared>,
    worker: Heartbeat,
    frames: Streaming<v1::Up>,
    presence: Presence,
) -> Result<DownStream, BusError> {
    let (id, pool) = (worker.worker.clone(), worker.pool.clone());
    let broker = Arc::new(Broker::new(Arc::clone(&shared.bus), Arc::clone(&shared.payloads), id.clone()));
    let taking = Arc::clone(&broker);
    let sending = Arc::clone(&shared);
    let (assigning, to) = (Arc::clone(&shared), id.clone());
    let jobs = broker.own_jobs().await?.filter_map(move |request| {
        let broker = Arc::clone(&taking);
        let (shared, worker) = (Arc::clone(&assigning), to.clone());
        async move {
            let Job { task, packet, input } = broker.take(request).await?;
            shared.assigned.add(&worker, HeldLease { job: task.job, lease: task.lease });
            link::job(&packet, input).ok()
        }
    });
    let cancels = broker.own_cancels().await?.map(|cancel| link::cancel(&cancel));
    let welcome = stream::once(ready(link::welcome(shared.limits.heartbeat)));
    let down =
        welcome.chain(stream::select(jobs, cancels)).take_until(presence.ended().clone().cancelled_owned());

    // The heartbeat comes last, so that a job that it triggers finds the worker listening.
    let _ = broker.heartbeat(worker).await;
    tracing::info!(worker = %id, "a worker joined");
    tokio::spawn(Session { shared, broker, worker: id, pool, presence }.listen(frames));
    Ok(down
        .map(move |frame| {
            sending.metrics.sent.inc();
            Ok(frame)
        })
        .boxed())
}

struct Session {
    shared: Arc<Shared>,
    broker: Arc<Broker>,
    worker: WorkerId,
    /// The pool that its token allows.
    pool: Pool,
    presence: Presence,
}

impl Session {
    async fn listen(self, mut frames: Streaming<v1::Up>) {
        let mut settling = FuturesUnordered::new();
        let mut left = false;
        loop {
            tokio::select! {
                Some(_) = settling.next(), if !settling.is_empty() => {}
                frame = frames.message(), if settling.len() < self.shared.limits.reports => match frame {
                    Ok(Some(frame)) => {
                        self.shared.metrics.received.inc();
                        if let Some(report) = self.handle(frame).await {
                            settling.push(self.broker.report(report));
                        }
                    }
                    Ok(None) => {
                        left = true;
                        break;
                    }
                    Err(status) => {
                        tracing::debug!(worker = %self.worker, %status, "the link broke");
                        break;
                    }
                },
                () = self.presence.ended().cancelled() => break,
            }
        }
        while settling.next().await.is_some() {}
        tracing::info!(worker = %self.worker, left, "a worker left");
        self.presence.end();
        if left {
            self.broker.close();
        }
    }

    /// Handles a frame at once and in order. Returns a report to the caller, because storing its
    /// answer takes time.
    async fn handle(&self, frame: v1::Up) -> Option<Report> {
        let up =
            UpFrame::try_from(frame).inspect_err(|error| self.shared.drop_frame(&self.worker, error)).ok()?;
        if let Err(reason) = self.check(&up) {
            self.shared.drop_frame(&self.worker, &reason);
            return None;
        }
        let sent = match up {
            UpFrame::Hello { .. } => Ok(()),
            UpFrame::Heartbeat(heartbeat) => self.broker.heartbeat(heartbeat).await,
            UpFrame::Progress(progress) => self.broker.progress(progress).await,
            UpFrame::Report { outcome, draft } => {
                self.shared.assigned.settled(outcome.lease.dispatch);
                return Some(Report { outcome, draft });
            }
        };
        if sent.is_err() {
            tracing::debug!(worker = %self.worker, "a worker's message had no listener");
        }
        None
    }

    /// Checks that the worker names itself, its own dispatches and this memory only.
    fn check(&self, up: &UpFrame) -> Result<(), &'static str> {
        let speaker = match up {
            UpFrame::Hello { worker, .. } | UpFrame::Heartbeat(worker) => &worker.worker,
            UpFrame::Progress(progress) => &progress.worker,
            UpFrame::Report { outcome, .. } => &outcome.worker,
        };
        if *speaker != self.worker {
            return Err("the frame names another worker");
        }
        match up {
            UpFrame::Hello { .. } => Err("the worker sent a second hello"),
            UpFrame::Progress(Progress { job, lease, .. }) => match self.ownership(*job, *lease) {
                Ownership::Own => Ok(()),
                // A reader of a stream accepts it from the first lease that it sees, and can't
                // detect a wrong one.
                Ownership::Other | Ownership::Unknown => Err("the frame names a job that was not \
                    sent to the worker"),
            },
            // The store checks by the lease a dispatch that was sent before this process started.
            UpFrame::Report { outcome, .. }
                if self.ownership(outcome.job, outcome.lease) == Ownership::Other =>
            {
                Err("the worker reported a job that was not sent to it")
            }
            UpFrame::Report { outcome, draft } => match (&outcome.end, draft) {
                (End::Succeeded { .. }, None) => Err("the worker reported success without a result"),
                (_, Some((_, payload))) if payload.len() > self.shared.limits.payload => {
                    Err("the worker's result is too long")
                }
                (_, Some((pointer, _))) if pointer.memory != self.shared.payloads.memory() => {
                    Err("the worker's result names another memory")
                }
                _ => Ok(()),
            },
            UpFrame::Heartbeat(heartbeat) if heartbeat.pool != self.pool => Err("the worker changed \
                its pool"),
            UpFrame::Heartbeat(_) => Ok(()),
        }
    }

    fn ownership(&self, job: JobId, lease: Lease) -> Ownership {
        self.shared.assigned.ownership(&self.worker, HeldLease { job, lease })
    }
}
