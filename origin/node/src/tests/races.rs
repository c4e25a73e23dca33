//! Races between the scheduler's parts, each run in the order that hurts.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use cortex_bus::{Embedded, Room};
use cortex_domain::call::{CallRefusal, CallReply};
use cortex_domain::event::Timings;
use cortex_domain::flow::{End, Outcome, Submission};
use cortex_domain::id::{JobId, WorkerId};
use cortex_domain::job::{InputFormat, Job, Limits, Owner, Priority, Request};
use cortex_domain::pointer::Pointer;
use cortex_domain::ports::{
    self as bus, AuditLog, Audited, Bus, Feed, Jobs, Payloads, Reply, Sequence, Subscription,
};
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

use super::held_up::{HeldUp, SlowGate};

/// Far less than the ten seconds of the manual clock after which the reconciler would mend it.
const SOON: Duration = Duration::from_secs(5);

/// A scheduler and one worker with room for two, played by hand.
pub(super) struct Table {
    pub(super) store: Arc<HeldUp<SqliteStore>>,
    gate: Arc<SlowGate<Kernel>>,
    pub(super) bus: Embedded,
    clock: Clock,
    pub(super) hands: Arc<ManualClock>,
    inbox: Box<dyn Subscription<bus::Request>>,
    /// Where to reply to the jobs that it was sent.
    replies: Mutex<HashMap<Lease, Box<dyn Reply>>>,
    worker: WorkerId,
    _folder: tempfile::TempDir,
}

impl Table {
    pub(super) async fn set() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let store = tokio::task::spawn_blocking(move || SqliteStore::open(path)).await.unwrap().unwrap();
        let policies = Policies::parse("default: { allow: [\"job.>\"] }\n", Path::new("safety")).unwrap();
        let bus = Embedded::new(Room::default());
        let (clock, hands) = Clock::manual(Timestamp::from_millis(1_000_000));
        let worker: WorkerId = "w1".parse().unwrap();
        let inbox = bus.respond(Filter::worker(&worker)).await.unwrap();
        Self {
            store: Arc::new(HeldUp::new(Arc::new(store))),
            gate: Arc::new(SlowGate { gate: Kernel::new(policies), check: Default::default() }),
            bus,
            clock,
            hands,
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
        Request {
            id: JobId::mint(now, entropy::random()),
            owner: Owner { tenant: "acme".parse().unwrap(), principal: "ci".parse().unwrap(), roles: vec![] },
            topic: "job.echo".parse().unwrap(),
            model: None,
            input: InputFormat::default(),
            priority: Priority::Normal,
            limits: Limits { attempts: 3, run: Duration::from_secs(300), deadline: None },
            labels: Default::default(),
            idempotency: None,
            content: None,
            estimate: Default::default(),
            hops: vec![],
            created_at: now,
            traceparent: None,
        }
    }

    pub(super) async fn submit(&self, request: Request) -> JobId {
        let id = request.id;
        self.store.accept(Submission { request, input: b"1".to_vec() }).await.unwrap();
        id
    }

    /// Makes a call; gives what it is answered, once it is.
    pub(super) fn call(&self, request: &Request) -> tokio::task::JoinHandle<CallReply> {
        let (bus, packet) = (self.bus.clone(), cortex_wire::encode_call(request));
        tokio::spawn(async move {
            let reply = bus.request(Subject::JOB_CALL, packet, SOON * 4).await.unwrap();
            cortex_wire::decode_call_reply(&reply).unwrap()
        })
    }

    pub(super) async fn keep(&self, id: JobId) {
        let context = Pointer::context(self.store.memory(), id);
        self.store.put(context, Bytes::from("1")).await.unwrap();
        self.bus.request(Subject::JOB_KEEP, cortex_wire::encode_submit(id), SOON).await.unwrap();
    }

    /// The next job that the worker is sent.
    pub(super) async fn task(&mut self) -> Task {
        let (task, reply) = sent(&mut self.inbox).await;
        self.replies.lock().unwrap().insert(task.lease, reply);
        task
    }

    pub(super) async fn beat(&self, held: &[&Task]) {
        let held = held.iter().map(|task| HeldLease { job: task.job, lease: task.lease }).collect();
        let (pool, topics) = ("echo".parse().unwrap(), vec!["job.echo".parse().unwrap()]);
        let heartbeat = Heartbeat { held, ..Heartbeat::new(self.worker.clone(), "echo", pool, topics, 2) };
        self.bus.publish(Subject::HEARTBEAT, cortex_wire::encode_heartbeat(&heartbeat));
    }

    pub(super) async fn begin(&self, task: &Task) {
        self.reply(task.lease, TaskReply::Started);
        self.until(task.job, StateName::Running).await;
    }

    fn reply(&self, lease: Lease, reply: TaskReply) {
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
        self.bus.append(Subject::JOB_RESULT, cortex_wire::encode_outcome(&outcome)).await.unwrap();
    }

    /// Waits until the store has the job in a state.
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
        tokio::time::timeout(SOON, reached).await.unwrap_or_else(late)
    }
}

/// The next job that a worker is sent.
async fn sent(inbox: &mut Box<dyn Subscription<bus::Request>>) -> (Task, Box<dyn Reply>) {
    let next = tokio::time::timeout(SOON, inbox.next()).await;
    let request = next.expect("the worker is sent a job in time").unwrap();
    (cortex_wire::decode_task(&request.body).unwrap(), request.reply)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_ended_while_the_reconciler_read_it_takes_no_slot() {
    let mut table = Table::set().await;
    let scheduler = table.start().await;
    table.beat(&[]).await;
    let mut tasks = Vec::new();
    for _ in 0..2 {
        table.submit(table.request()).await;
        let task = table.task().await;
        table.begin(&task).await;
        tasks.push(task);
    }
    table.store.open_jobs.arm();
    table.hands.advance(Duration::from_secs(10));
    table.beat(&[&tasks[0], &tasks[1]]).await;
    table.store.open_jobs.reached().await;
    // While the reconciler still believes that these two run, they end and two others take their place.
    for task in &tasks {
        table.succeed(task.job, task.lease).await;
        table.until(task.job, StateName::Succeeded).await;
    }
    for _ in 0..2 {
        table.submit(table.request()).await;
        let task = table.task().await;
        table.succeed(task.job, task.lease).await;
        table.until(task.job, StateName::Succeeded).await;
    }
    table.store.open_jobs.go_on();
    table.beat(&[]).await;
    table.store.open_jobs.arm();
    table.hands.advance(Duration::from_secs(10));
    table.beat(&[]).await;
    table.store.open_jobs.reached().await;
    table.submit(table.request()).await;
    table.task().await;
    table.store.open_jobs.go_on();
    scheduler.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_begins_though_word_of_its_release_came_at_once() {
    let mut table = Table::set().await;
    let scheduler = table.start().await;
    table.beat(&[]).await;
    table.submit(table.request()).await;
    table.store.relayed.notified().await;
    let first = table.task().await;
    table.begin(&first).await;
    table.fail(&first).await;
    table.until(first.job, StateName::Pending).await;
    table.store.release.arm();
    table.hands.advance(Duration::from_secs(1));
    table.store.release.reached().await;
    table.store.relayed.notified().await;
    table.store.release.go_on();
    assert_eq!(table.task().await.job, first.job);
    scheduler.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_kept_while_it_is_judged_is_placed() {
    let mut table = Table::set().await;
    let scheduler = table.start().await;
    table.gate.check.arm();
    let request = table.request();
    let call = table.call(&request);
    table.gate.check.reached().await;
    table.keep(request.id).await;
    assert!(matches!(call.await.unwrap(), CallReply::Kept { .. }));
    table.gate.check.go_on();
    table.beat(&[]).await;
    assert_eq!(table.task().await.job, request.id);
    scheduler.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn word_to_keep_a_job_that_is_kept_already_changes_nothing() {
    let mut table = Table::set().await;
    let scheduler = table.start().await;
    let request = table.request();
    let call = table.call(&request);
    table.keep(request.id).await;
    assert!(matches!(call.await.unwrap(), CallReply::Kept { .. }));
    table.keep(request.id).await;
    // It is noted that nobody has room, so the job has been through the queue since.
    table.hands.advance(Duration::from_secs(2));
    table.keep(request.id).await;
    table.beat(&[]).await;
    assert_eq!(table.task().await.job, request.id);
    scheduler.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_on_a_job_that_is_not_yet_taken_up_counts() {
    let mut table = Table::set().await;
    let before = table.start().await;
    table.beat(&[]).await;
    let id = table.submit(table.request()).await;
    let task = table.task().await;
    table.begin(&task).await;
    before.stop().await;
    table.store.open_jobs.arm();
    let after = tokio::spawn(Scheduler::start(table.parts()));
    table.store.open_jobs.reached().await;
    table.succeed(id, task.lease).await;
    table.until(id, StateName::Succeeded).await;
    table.store.open_jobs.go_on();
    after.await.unwrap().unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadline_goes_by_the_clock_that_was_set_and_not_by_time_awake() {
    let mut table = Table::set().await;
    let scheduler = table.start().await;
    table.beat(&[]).await;
    let deadline = table.clock.now().after(Duration::from_secs(3600));
    let limits = Limits { deadline: Some(deadline), ..table.request().limits };
    let id = table.submit(Request { limits, ..table.request() }).await;
    let task = table.task().await;
    table.begin(&task).await;
    // The machine slept: its own clock stood still, the world's did not.
    table.hands.set(deadline);
    table.until(id, StateName::Timeout).await;
    scheduler.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_lapses_though_the_safety_kernel_does_not_answer() {
    let mut table = Table::set().await;
    let scheduler = table.start().await;
    table.beat(&[]).await;
    for _ in 0..2 {
        table.submit(table.request()).await;
    }
    let (fails, falls_silent) = (table.task().await, table.task().await);
    table.begin(&fails).await;
    table.begin(&falls_silent).await;
    table.fail(&fails).await;
    table.until(fails.job, StateName::Pending).await;
    table.gate.check.arm();
    table.hands.advance(Duration::from_secs(1));
    table.gate.check.reached().await;
    table.hands.advance(Duration::from_secs(10));
    table.until(falls_silent.job, StateName::Pending).await;
    table.gate.check.go_on();
    scheduler.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_call_is_told_that_the_scheduler_stops() {
    let table = Table::set().await;
    let scheduler = table.start().await;
    table.gate.check.arm();
    let call = table.call(&table.request());
    table.gate.check.reached().await;
    table.gate.check.go_on();
    scheduler.stop().await;
    assert_eq!(call.await.unwrap(), CallReply::Refused(CallRefusal::Stopping));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_whose_callers_goodbye_was_lost_is_let_go() {
    let table = Table::set().await;
    let scheduler = table.start().await;
    table.gate.check.arm();
    let call = table.call(&table.request());
    table.gate.check.reached().await;
    table.gate.check.go_on();
    table.hands.advance(Duration::from_secs(300 + 121));
    let CallReply::Ended { job, .. } = call.await.unwrap() else { panic!("it has not ended") };
    assert_eq!(job.state.name(), StateName::Cancelled);
    scheduler.stop().await;
}

#[tokio::test]
async fn every_decision_is_in_the_audit_log_before_the_job_is_sent() {
    let mut table = Table::set().await;
    let scheduler = table.start().await;
    table.beat(&[]).await;
    let id = table.submit(table.request()).await;
    table.task().await;
    let audit = table.store.audit(Sequence(0), 9).await.unwrap();
    let [Audited { entry, .. }] = &audit[..] else { panic!("{audit:?}") };
    let read = (entry.action.as_str(), entry.decision.as_str(), &entry.subject, entry.detail.as_str());
    assert_eq!(read, ("policy.check", "ALLOW", &id.to_string(), "default.allow[job.>]"));
    scheduler.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_for_a_model_goes_to_the_worker_whose_heartbeat_lists_it_while_that_has_room() {
    let mut table = Table::set().await;
    let scheduler = table.start().await;
    let other: WorkerId = "w2".parse().unwrap();
    let mut others = table.bus.respond(Filter::worker(&other)).await.unwrap();

    // Each is known once it is sent what the one before has no room for.
    table.beat(&[]).await;
    let mut first = Vec::new();
    for _ in 0..2 {
        table.submit(table.request()).await;
        first.push(table.task().await);
    }
    let models = vec!["a".parse().unwrap(), "b".parse().unwrap()];
    let (pool, topics) = ("echo".parse().unwrap(), vec!["job.echo".parse().unwrap()]);
    let heartbeat = Heartbeat { models, ..Heartbeat::new(other, "echo", pool, topics, 4) };
    table.bus.publish(Subject::HEARTBEAT, cortex_wire::encode_heartbeat(&heartbeat));
    for _ in 0..3 {
        let job = table.submit(table.request()).await;
        assert_eq!(sent(&mut others).await.0.job, job);
    }
    for task in first {
        table.succeed(task.job, task.lease).await;
        table.until(task.job, StateName::Succeeded).await;
    }
    let for_none = table.submit(table.request()).await;
    assert_eq!(table.task().await.job, for_none, "it is the least loaded");

    let for_b = || Request { model: Some("b".parse().unwrap()), ..table.request() };
    let (one, more) = (for_b(), for_b());
    let job = table.submit(one).await;
    assert_eq!(sent(&mut others).await.0.job, job, "it has the model");
    let job = table.submit(more).await;
    assert_eq!(table.task().await.job, job, "the other one is full");
    scheduler.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_heartbeat_makes_up_for_a_reply_that_was_lost() {
    let mut table = Table::set().await;
    let scheduler = table.start().await;
    table.beat(&[]).await;
    let job = table.submit(table.request()).await;
    let task = table.task().await;
    table.replies.lock().unwrap().clear();
    table.until(job, StateName::Scheduled).await;
    table.beat(&[&task]).await;
    table.until(job, StateName::Running).await;
    table.succeed(job, task.lease).await;
    table.until(job, StateName::Succeeded).await;
    scheduler.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_a_worker_refuses_is_sent_once_the_worker_says_that_it_is_there() {
    let mut table = Table::set().await;
    let scheduler = table.start().await;
    table.beat(&[]).await;
    let job = table.submit(table.request()).await;
    let refused = table.task().await;
    table.reply(refused.lease, TaskReply::Busy);
    table.until(job, StateName::Pending).await;
    table.beat(&[]).await;
    let taken = table.task().await;
    assert_eq!((taken.job, taken.lease == refused.lease), (job, false));
    table.begin(&taken).await;
    scheduler.stop().await;
}
