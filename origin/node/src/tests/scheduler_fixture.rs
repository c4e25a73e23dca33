//! A scheduler with its store and bus, and one worker that the test controls.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use cortex_bus::{Embedded, Room};
use cortex_domain::call::CallReply;
use cortex_domain::event::Timings;
use cortex_domain::flow::{End, Outcome, Submission};
use cortex_domain::id::{JobId, WorkerId};
use cortex_domain::job::{Job, Limits, Owner, Request};
use cortex_domain::pointer::Pointer;
use cortex_domain::ports::{self as bus, Bus, Feed, Jobs, Payloads, Reply, Subscription};
use cortex_domain::share::Share;
use cortex_domain::state::{Failure, FailureKind, Lease, StateName};
use cortex_domain::subject::{Filter, Subject};
use cortex_domain::task::{Task, TaskReply};
use cortex_domain::time::Timestamp;
use cortex_domain::worker::{Heartbeat, HeldLease};
use cortex_platform::clock::{Clock, ManualClock};
use cortex_platform::entropy;
use cortex_safety::{Kernel, Policies};
use cortex_scheduler::{Parts, Scheduler, Settings};
use cortex_store::SqliteStore;

use super::pausing::{PausingGate, PausingStore};

/// Much less than the ten seconds of the manual clock after which the reconciler would repair the
/// state.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A scheduler, and one worker with room for two jobs that the test controls.
pub(super) struct SchedulerFixture {
    pub(super) store: Arc<PausingStore<SqliteStore>>,
    pub(super) gate: Arc<PausingGate<Kernel>>,
    pub(super) bus: Embedded,
    pub(super) clock: Clock,
    pub(super) manual_clock: Arc<ManualClock>,
    inbox: Box<dyn Subscription<bus::Request>>,
    /// The replies to the jobs that the worker received.
    pub(super) replies: Mutex<HashMap<Lease, Box<dyn Reply>>>,
    worker: WorkerId,
    _folder: tempfile::TempDir,
}

impl SchedulerFixture {
    pub(super) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let store = tokio::task::spawn_blocking(move || SqliteStore::open(path)).await.unwrap().unwrap();
        let policies = Policies::parse("default: { allow: [\"job.>\"] }\n", Path::new("safety")).unwrap();
        let bus = Embedded::new(Room::default());
        let (clock, manual_clock) = Clock::manual(Timestamp::from_millis(1_000_000));
        let worker: WorkerId = "w1".parse().unwrap();
        let inbox = bus.respond(Filter::worker(&worker)).await.unwrap();
        Self {
            store: Arc::new(PausingStore::new(Arc::new(store))),
            gate: Arc::new(PausingGate { gate: Kernel::new(policies), check: Default::default() }),
            bus,
            clock,
            manual_clock,
            inbox,
            replies: Mutex::default(),
            worker,
            _folder: folder,
        }
    }

    pub(super) fn parts(&self) -> Parts {
        let pools = "topics: { job.echo: { pool: echo } }\n";
        let timeouts = "heartbeat: 2s\nlease: 10s\ndefault: { run: 300s, attempts: 3 }\n";
        let settings = Settings::parse(
            (pools, Path::new("pools")),
            (timeouts, Path::new("timeouts")),
            cortex_scheduler::Unlisted::Refused,
        );
        Parts {
            store: self.store.clone(),
            bus: Arc::new(self.bus.clone()),
            gate: self.gate.clone(),
            clock: self.clock.clone(),
            settings: settings.unwrap(),
        }
    }

    pub(super) async fn start(&self) -> Scheduler {
        Scheduler::start(self.parts()).await.unwrap()
    }

    pub(super) fn request(&self) -> Request {
        let now = self.clock.now();
        Request::new(
            JobId::mint(now, entropy::random()),
            Owner { tenant: "acme".parse().unwrap(), principal: "ci".parse().unwrap(), roles: vec![] },
            "job.echo".parse().unwrap(),
            Limits { attempts: 3, run: Duration::from_secs(300), deadline: None },
            now,
        )
    }

    pub(super) async fn submit(&self, request: Request) -> JobId {
        let id = request.id;
        self.store.accept(Submission { request, input: b"1".to_vec() }).await.unwrap();
        id
    }

    /// Makes a call. Returns a task with its reply.
    pub(super) fn call(&self, request: &Request) -> tokio::task::JoinHandle<CallReply> {
        let (bus, packet) = (self.bus.clone(), cortex_wire::encode_call(request));
        tokio::spawn(async move {
            let reply = bus.request(Subject::call(Share::FIRST), packet, TIMEOUT * 4).await.unwrap();
            cortex_wire::decode_call_reply(&reply).unwrap()
        })
    }

    pub(super) async fn keep(&self, id: JobId) {
        let context = Pointer::context(self.store.memory(), id);
        self.store.put(context, Bytes::from("1")).await.unwrap();
        self.bus.request(Subject::keep(Share::FIRST), cortex_wire::encode_submit(id), TIMEOUT).await.unwrap();
    }

    /// Returns the next job that the worker receives.
    pub(super) async fn task(&mut self) -> Task {
        let (task, reply) = next_task(&mut self.inbox).await;
        self.replies.lock().unwrap().insert(task.lease, reply);
        task
    }

    pub(super) async fn beat(&self, held: &[&Task]) {
        let held = held.iter().map(|task| HeldLease { job: task.job, lease: task.lease }).collect();
        let (pool, topics) = ("echo".parse().unwrap(), vec!["job.echo".parse().unwrap()]);
        let heartbeat = Heartbeat { held, ..Heartbeat::new(self.worker.clone(), "echo", pool, topics, 2) };
        let subject = Subject::heartbeat(&heartbeat.worker, &heartbeat.pool);
        self.bus.publish(subject, cortex_wire::encode_heartbeat(&heartbeat));
    }

    pub(super) async fn begin(&self, task: &Task) {
        self.reply(task.lease, TaskReply::Started);
        self.until(task.job, StateName::Running).await;
    }

    pub(super) fn reply(&self, lease: Lease, reply: TaskReply) {
        if let Some(waits) = self.replies.lock().unwrap().remove(&lease) {
            waits.send(cortex_wire::encode_task_reply(reply));
        }
    }

    pub(super) async fn succeed(&self, job: JobId, lease: Lease) {
        let draft = Pointer::draft(self.store.memory(), job, lease.dispatch);
        self.store.put(draft, Bytes::from("2")).await.unwrap();
        self.end(job, lease, End::Succeeded { timings: Timings::default() }).await;
    }

    pub(super) async fn fail(&self, task: &Task) {
        let failure = Failure::new(FailureKind::Broken, "it broke");
        self.end(task.job, task.lease, End::Failed { failure }).await;
    }

    pub(super) async fn end(&self, job: JobId, lease: Lease, end: End) {
        self.reply(lease, TaskReply::Accepted);
        let outcome = Outcome { job, lease, worker: self.worker.clone(), end };
        self.bus
            .append(Subject::result(lease.dispatch.share()), cortex_wire::encode_outcome(&outcome))
            .await
            .unwrap();
    }

    /// Waits until the stored job has a state.
    pub(super) async fn until(&self, job: JobId, state: StateName) -> Job {
        let reached = async {
            let mut seen = 0;
            loop {
                let job = self.store.job(job).await.unwrap();
                if let Some(job) = job.filter(|job| job.state.name() == state) {
                    return job;
                }
                seen = self.store.changed(seen).await;
            }
        };
        let late = |_| panic!("the job is not {state} in time");
        tokio::time::timeout(TIMEOUT, reached).await.unwrap_or_else(late)
    }
}

/// Returns the next job that a worker receives.
pub(super) async fn next_task(inbox: &mut Box<dyn Subscription<bus::Request>>) -> (Task, Box<dyn Reply>) {
    let next = tokio::time::timeout(TIMEOUT, inbox.next()).await;
    let request = next.expect("the worker is sent a job in time").unwrap();
    (cortex_wire::decode_task(&request.body).unwrap(), request.reply)
}
