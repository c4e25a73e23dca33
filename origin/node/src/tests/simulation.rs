//! A simulated origin: a store, a bus, workers and a manual clock.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cortex_bus::{Embedded, Room};
use cortex_domain::event::Event;
use cortex_domain::flow::Submission;
use cortex_domain::id::JobId;
use cortex_domain::job::{Limits, Owner, Request};
use cortex_domain::ports::{Bus, Jobs, Payloads};
use cortex_domain::time::Timestamp;
use cortex_domain::transition::Change;
use cortex_platform::clock::{Clock, ManualClock};
use cortex_safety::{Kernel, Policies};
use cortex_scheduler::{Parts, Scheduler, Settings};
use cortex_store::SqliteStore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::faulty_worker::FaultyWorker;
use super::seeded_random::SeededRandom;

const JOBS: usize = 12;
/// The number of clock steps after which an open job counts as stuck.
const ROUNDS: usize = 400;

pub(crate) struct Simulation {
    pub(crate) store: Arc<SqliteStore>,
    pub(crate) jobs: Vec<JobId>,
    bus: Embedded,
    scheduler: Option<Scheduler>,
    random: Arc<SeededRandom>,
    clock: Clock,
    manual_clock: Arc<ManualClock>,
    workers: Vec<Arc<FaultyWorker>>,
    stop: CancellationToken,
    tasks: TaskTracker,
    stale: Arc<AtomicU64>,
    _folder: tempfile::TempDir,
}

impl Simulation {
    pub(crate) async fn new(seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let store = tokio::task::spawn_blocking(move || SqliteStore::open(path)).await.unwrap().unwrap();
        let store = Arc::new(store);
        let bus = Embedded::new(Room::default());
        let random = Arc::new(SeededRandom::new(seed));
        let (clock, manual_clock) = Clock::manual(Timestamp::from_millis(1_000_000));
        let (stop, tasks, stale) = (CancellationToken::new(), TaskTracker::new(), Arc::default());
        let mut simulation = Self {
            store,
            jobs: Vec::new(),
            bus,
            scheduler: None,
            random,
            clock,
            manual_clock,
            workers: Vec::new(),
            stop,
            tasks,
            stale,
            _folder: folder,
        };
        simulation.start_scheduler().await;
        for n in 1..=2 {
            let worker = Arc::new(FaultyWorker {
                id: format!("w{n}").parse().unwrap(),
                bus: Arc::new(simulation.bus.clone()) as Arc<dyn Bus>,
                payloads: simulation.store.clone() as Arc<dyn Payloads>,
                random: simulation.random.clone(),
                stale: simulation.stale.clone(),
            });
            simulation.tasks.spawn(worker.clone().work(simulation.stop.clone()));
            simulation.workers.push(worker);
        }
        simulation
    }

    async fn start_scheduler(&mut self) {
        let pools = "topics: { job.echo: { pool: echo } }\n";
        let timeouts = "heartbeat: 2s\nlease: 10s\ndefault: { run: 30s, attempts: 3 }\n";
        let settings = Settings::parse(
            (pools, Path::new("pools")),
            (timeouts, Path::new("timeouts")),
            cortex_scheduler::Unlisted::Refused,
        )
        .unwrap();
        let policies = Policies::parse("default: { allow: [\"job.>\"] }\n", Path::new("safety")).unwrap();
        let parts = Parts {
            store: self.store.clone(),
            bus: Arc::new(self.bus.clone()),
            gate: Arc::new(Kernel::new(policies)),
            clock: self.clock.clone(),
            settings,
        };
        self.scheduler = Some(Scheduler::start(parts).await.unwrap());
    }

    pub(crate) async fn submit_all(&mut self) {
        for n in 0..JOBS {
            let now = self.clock.now();
            let deadline =
                self.random.chance(15).then(|| now.after(Duration::from_secs(self.random.below(60))));
            let request = Request::new(
                JobId::mint(now, self.random.bytes()),
                Owner { tenant: "acme".parse().unwrap(), principal: "ci".parse().unwrap(), roles: vec![] },
                "job.echo".parse().unwrap(),
                Limits { attempts: 3, run: Duration::from_secs(30), deadline },
                now,
            );
            self.jobs.push(request.id);
            self.store.accept(Submission { request, input: n.to_string().into_bytes() }).await.unwrap();
        }
    }

    /// Advances the clock until every job has ended. Meanwhile it restarts the scheduler and
    /// cancels jobs.
    pub(crate) async fn run_to_the_end(&mut self) {
        for _ in 0..ROUNDS {
            let mut open = 0;
            for id in self.jobs.clone() {
                let job = self.store.job(id).await.unwrap().unwrap();
                if job.state.is_terminal() {
                    continue;
                }
                open += 1;
                if self.random.chance(2) {
                    let change =
                        Change::of(job).then(Event::Cancelled { reason: "enough".into() }, self.clock.now());
                    // Another change may have come first.
                    let _ = self.store.commit(change.unwrap()).await;
                }
            }
            if open == 0 {
                return;
            }
            if self.random.chance(4)
                && let Some(scheduler) = self.scheduler.take()
            {
                scheduler.stop().await;
                self.start_scheduler().await;
            }
            self.manual_clock.advance(Duration::from_millis(500 + self.random.below(3000)));
            for worker in &self.workers {
                worker.beat(&[]).await;
            }
            // The scheduler reads the clock every tenth of a second of real time.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("jobs have not ended after {ROUNDS} rounds");
    }

    pub(crate) fn stale_reports(&self) -> u64 {
        self.stale.load(Ordering::Relaxed)
    }

    pub(crate) async fn end(mut self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        if let Some(scheduler) = self.scheduler.take() {
            scheduler.stop().await;
        }
    }
}
