//! A fake origin that a test controls, and a worker connected to it.

use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Duration;

use bytes::Bytes;
use cortex_domain::id::{DispatchId, JobId};
use cortex_domain::job::{InputFormat, Limits, Owner};
use cortex_domain::pointer::{Memory, Pointer};
use cortex_domain::ports::Answer;
use cortex_domain::state::{Attempt, Lease};
use cortex_domain::task::{Cancel, Progress, Task};
use cortex_domain::time::Timestamp;
use cortex_domain::worker::Heartbeat;
use cortex_link::origin::{Inbound, Origin, OriginUnreachable, Report};
use futures::{StreamExt, stream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::{Engine, RunError, Settings, Worker};

pub(super) const HEARTBEAT: Duration = Duration::from_millis(500);
/// How long a run may take.
pub(super) const RUN_LIMIT: Duration = Duration::from_secs(60);
/// In paused time, longer than any wait of these tests.
const WAIT_TIMEOUT: Duration = Duration::from_secs(3600);

pub(super) struct Harness {
    inbound: mpsc::UnboundedSender<Inbound>,
    heartbeats: mpsc::UnboundedReceiver<Heartbeat>,
    progress: mpsc::UnboundedReceiver<Progress>,
    reports: mpsc::UnboundedReceiver<Report>,
    origin: Arc<RecordingOrigin>,
    shutdown: CancellationToken,
    working: JoinHandle<Result<(), RunError>>,
}

impl Harness {
    pub(super) fn with(engine: impl Engine) -> Self {
        Self::with_capacity(engine, 8)
    }

    pub(super) fn with_capacity(engine: impl Engine, capacity: u32) -> Self {
        let (inbound, mut inbox_receiver) = mpsc::unbounded_channel();
        let (heartbeats_in, heartbeats) = mpsc::unbounded_channel();
        let (progress_in, progress) = mpsc::unbounded_channel();
        let (reports_in, reports) = mpsc::unbounded_channel();
        let origin = Arc::new(RecordingOrigin {
            heartbeats: heartbeats_in,
            progress: progress_in,
            reports: reports_in,
            away: AtomicBool::new(false),
            closed: CancellationToken::new(),
        });
        let inbox = stream::poll_fn(move |cx| inbox_receiver.poll_recv(cx))
            .take_until(origin.closed.clone().cancelled_owned())
            .boxed();
        let shutdown = CancellationToken::new();
        let worker = Worker::new(settings(capacity), Arc::new(engine));
        let working = tokio::spawn(worker.run(origin.clone(), inbox, shutdown.clone()));
        let harness = Self { inbound, heartbeats, progress, reports, origin, shutdown, working };
        harness.join();
        harness
    }

    pub(super) fn deliver(&self, message: Inbound) {
        self.inbound.send(message).unwrap();
    }

    pub(super) fn send(&self, task: &Task, input: &str) {
        self.deliver(Inbound::Job { task: Box::new(task.clone()), input: Bytes::from(input.to_owned()) });
    }

    pub(super) fn cancel(&self, task: &Task) {
        let worker = settings(1).id;
        self.deliver(Inbound::Cancel(Cancel { job: task.job, lease: task.lease, worker }));
    }

    pub(super) fn lose(&self) {
        self.origin.away.store(true, Ordering::SeqCst);
        self.deliver(Inbound::Lost);
    }

    pub(super) fn join(&self) {
        self.origin.away.store(false, Ordering::SeqCst);
        self.deliver(Inbound::Joined { heartbeat: HEARTBEAT });
    }

    pub(super) fn shutdown(&self) {
        self.shutdown.cancel();
    }

    /// Returns the next heartbeat from now.
    pub(super) async fn heartbeat(&mut self) -> Heartbeat {
        while self.heartbeats.try_recv().is_ok() {}
        timeout(WAIT_TIMEOUT, self.heartbeats.recv()).await.expect("a heartbeat").unwrap()
    }

    pub(super) async fn progress(&mut self) -> Progress {
        timeout(WAIT_TIMEOUT, self.progress.recv()).await.expect("progress").unwrap()
    }

    pub(super) async fn report(&mut self) -> Report {
        timeout(WAIT_TIMEOUT, self.reports.recv()).await.expect("a report").unwrap()
    }

    pub(super) fn no_report(&mut self) -> bool {
        self.reports.try_recv().is_err()
    }

    pub(super) fn no_progress(&mut self) -> bool {
        self.progress.try_recv().is_err()
    }

    pub(super) async fn ended(self) -> Result<(), RunError> {
        timeout(WAIT_TIMEOUT, self.working).await.expect("it ends").unwrap()
    }
}

struct RecordingOrigin {
    heartbeats: mpsc::UnboundedSender<Heartbeat>,
    progress: mpsc::UnboundedSender<Progress>,
    reports: mpsc::UnboundedSender<Report>,
    away: AtomicBool,
    closed: CancellationToken,
}

impl RecordingOrigin {
    fn record<T>(
        &self,
        channel: &mpsc::UnboundedSender<T>,
        message: T,
    ) -> Answer<'_, Result<(), OriginUnreachable>> {
        let sent = !self.away.load(Ordering::SeqCst) && channel.send(message).is_ok();
        Box::pin(ready(sent.then_some(()).ok_or(OriginUnreachable)))
    }
}

impl Origin for RecordingOrigin {
    fn heartbeat(&self, heartbeat: Heartbeat) -> Answer<'_, Result<(), OriginUnreachable>> {
        self.record(&self.heartbeats, heartbeat)
    }

    fn progress(&self, progress: Progress) -> Answer<'_, Result<(), OriginUnreachable>> {
        self.record(&self.progress, progress)
    }

    fn report(&self, report: Report) -> Answer<'_, Result<(), OriginUnreachable>> {
        self.record(&self.reports, report)
    }

    fn close(&self) {
        self.closed.cancel();
    }
}

pub(super) fn settings(capacity: u32) -> Settings {
    Settings {
        id: "w1".parse().unwrap(),
        capacity: Some(capacity),
        grace: Duration::from_secs(10),
        answer: 1000,
        region: None,
        labels: Default::default(),
    }
}

/// Returns a new task.
pub(super) fn task() -> Task {
    static COUNT: AtomicU8 = AtomicU8::new(0);
    let n = COUNT.fetch_add(1, Ordering::SeqCst);
    let job = JobId::mint(Timestamp::from_millis(1), [n; 10]);
    let lease = Lease { attempt: Attempt(1), dispatch: DispatchId::new([n; 16]) };
    Task {
        job,
        lease,
        owner: Owner { tenant: "acme".parse().unwrap(), principal: "tests".parse().unwrap(), roles: vec![] },
        topic: "job.echo".parse().unwrap(),
        input: InputFormat::Body,
        limits: Limits { attempts: 3, run: RUN_LIMIT, deadline: None },
        labels: Default::default(),
        context: Pointer::context(Memory::Local, job),
        draft: Pointer::draft(Memory::Local, job, lease.dispatch),
        traceparent: None,
    }
}
