//! The main loop: accepts jobs, runs them and reports how they ended.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cortex_domain::flow::End;
use cortex_domain::task::Task;
use cortex_domain::worker::HeldLease;
use cortex_link::origin::{Inbound, Inbox, Introduction, Origin};
use cortex_platform::metrics::Registry;
use futures::StreamExt;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::beat::{DEFAULT_HEARTBEAT_INTERVAL, beat};
use crate::engine::Engine;
use crate::in_flight::Admission;
use crate::run::Dispatch;
use crate::settings::Settings;
use crate::shared::Shared;

/// How long the origin may take at the end to read the last messages.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// Why a worker ended without being asked to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    #[error("the worker can't connect to the origin: {0}")]
    Refused(String),
    #[error("the connection to the origin has ended")]
    Ended,
}

/// A worker with its engine.
#[derive(Clone)]
pub struct Worker(Arc<Shared>);

impl Worker {
    #[must_use]
    pub fn new(settings: Settings, engine: Arc<dyn Engine>) -> Self {
        Self(Arc::new(Shared::new(settings, engine)))
    }

    /// Adds the worker's metrics to those of the process.
    pub fn register(&self, registry: &Registry) {
        self.0.metrics().register(registry);
    }

    /// How it introduces itself to the origin.
    #[must_use]
    pub fn introduction(&self) -> Introduction {
        let shared = Arc::clone(&self.0);
        Box::new(move || shared.heartbeat())
    }

    /// Works until `shutdown`, then gives runs the grace period to finish and returns everything
    /// else.
    ///
    /// # Errors
    /// Fails if the origin refuses the worker, or if there will be no other connection to it.
    pub async fn run(
        self,
        origin: Arc<dyn Origin>,
        mut inbox: Inbox,
        shutdown: CancellationToken,
    ) -> Result<(), RunError> {
        let (pace, followed) = watch::channel(DEFAULT_HEARTBEAT_INTERVAL);
        let beating = tokio::spawn(beat(Arc::clone(&self.0), Arc::clone(&origin), followed));
        let mut job_loop = JobLoop {
            shared: self.0,
            origin: Arc::clone(&origin),
            pace,
            runs: TaskTracker::new(),
            abandon: CancellationToken::new(),
        };
        let worked = job_loop.work(&mut inbox, shutdown).await;
        if worked.is_ok() {
            job_loop.drain(&mut inbox).await;
        }
        job_loop.abandon.cancel();
        job_loop.runs.close();
        let _ = timeout(FLUSH_TIMEOUT, job_loop.runs.wait()).await;

        drop(job_loop);
        // A heartbeat in progress must not delay the end.
        beating.abort();
        origin.close();
        let ending = async { while inbox.next().await.is_some() {} };
        if timeout(FLUSH_TIMEOUT, ending).await.is_err() {
            tracing::warn!("the origin did not read everything in time");
        }
        worked
    }
}

/// One run of the loop.
struct JobLoop {
    shared: Arc<Shared>,
    origin: Arc<dyn Origin>,
    pace: watch::Sender<Duration>,
    runs: TaskTracker,
    abandon: CancellationToken,
}

impl JobLoop {
    async fn work(&mut self, inbox: &mut Inbox, shutdown: CancellationToken) -> Result<(), RunError> {
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(()),
                message = inbox.next() => match message {
                    Some(Inbound::Refused { reason }) => return Err(RunError::Refused(reason)),
                    Some(message) => self.receive(message),
                    None => return Err(RunError::Ended),
                },
            }
        }
    }

    /// Accepts no more jobs, tells the origin so, and waits for the runs.
    async fn drain(&mut self, inbox: &mut Inbox) {
        self.shared.in_flight().drain();
        self.pace.send_modify(|_| {});
        let grace = Instant::now() + self.shared.settings().grace;
        let runs = self.runs.clone();
        runs.close();
        tracing::info!(running = runs.len(), "the worker is draining");
        loop {
            tokio::select! {
                biased;
                () = runs.wait() => return,
                () = sleep_until(grace) => return,
                message = inbox.next() => match message {
                    Some(message) => self.receive(message),
                    None => return,
                },
            }
        }
    }

    fn receive(&mut self, message: Inbound) {
        match message {
            Inbound::Job { task, input } => self.take(task, input),
            Inbound::Cancel(cancel) => self.shared.in_flight().cancel(cancel.lease),
            Inbound::Joined { heartbeat } => {
                self.shared.metrics().set_connected(true);
                tracing::info!("connected to the origin");
                self.pace.send_replace(heartbeat);
            }
            Inbound::Lost => {
                self.shared.metrics().set_connected(false);
                tracing::warn!("lost the connection to the origin");
                self.shared.in_flight().mark_lost(Instant::now());
            }
            Inbound::Refused { reason } => tracing::warn!(reason, "the worker can't connect to the origin"),
        }
    }

    fn take(&self, task: Box<Task>, input: Bytes) {
        let held = HeldLease { job: task.job, lease: task.lease };
        let admission = self.shared.in_flight().admit(held);
        let (shared, origin) = (Arc::clone(&self.shared), Arc::clone(&self.origin));
        match admission {
            Admission::Ignore => {}
            Admission::Repeat(report) => {
                self.runs.spawn(async move { shared.hand_over(origin.as_ref(), report).await });
            }
            Admission::Return => {
                let report = shared.report(held, End::Returned);
                self.runs.spawn(async move { shared.hand_over(origin.as_ref(), report).await });
            }
            Admission::Run(stop) => {
                let dispatch = Dispatch {
                    task,
                    input,
                    taken: Instant::now(),
                    stop,
                    abandon: self.abandon.clone(),
                    max_answer: shared.settings().answer,
                };
                self.runs.spawn(async move { shared.run(dispatch, origin).await });
            }
        }
    }
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker").field("settings", self.0.settings()).finish_non_exhaustive()
    }
}
