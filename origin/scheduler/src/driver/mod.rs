//! Executes the decisions of the core. This is the only part of the scheduler that uses the store,
//! the bus, the safety kernel and the clock.

mod execute;
mod listen;
mod log_throttle;
mod metrics;
mod note;
mod ownership;
mod pending;
mod reconcile;
mod relay;
mod retain;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cortex_domain::id::DispatchId;
use cortex_domain::ownership::SchedulerId;
use cortex_domain::ports::{Bus, BusError, Reply, SafetyGate, Store};
use cortex_domain::share::{Share, Terms};
use cortex_domain::time::Uptime;
use cortex_platform::clock::Clock;
use cortex_platform::entropy;
use cortex_platform::metrics::Registry;
use futures::FutureExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::listen::Permits;
use self::log_throttle::LogThrottle;
use self::metrics::Metrics;
use self::ownership::Ownership;
use self::pending::Pending;
use crate::core::{Action, Input, Now, Snapshot, State};
use crate::membership::DEAD_AFTER;
use crate::settings::Settings;

/// How often the core learns that time has passed. One turn pays for a run of this length, and each
/// further interval is charged another turn.
const TICK_INTERVAL: Duration = Duration::from_millis(100);

/// Maximum number of changes that the store commits at the same time. The others wait their turn, so
/// that the scheduler leaves room in the store's queue for what the gateway accepts.
const MAX_COMMITS: usize = 1024;
/// Maximum number of jobs that are read at the same time.
const MAX_LOADS: usize = 256;

/// Answers a call by a reply on the bus.
type Caller = Box<dyn Reply>;

/// The core, and what it acts on.
pub(crate) struct Driver {
    state: Mutex<State<Caller>>,
    store: Arc<dyn Store>,
    bus: Arc<dyn Bus>,
    gate: Arc<dyn SafetyGate>,
    /// Whether the last request to the safety kernel failed.
    gate_fails: AtomicBool,
    clock: Clock,
    settings: Settings,
    metrics: Metrics,
    /// Names this process in the record of shares.
    id: SchedulerId,
    permits: Permits,
    /// When the record of shares was last read, in milliseconds of the uptime.
    observed: AtomicU64,
    /// How often shares were gained, so that their jobs are read from the store.
    gained: watch::Sender<u64>,
    /// Free places for commits, which are given in the order of the requests.
    commits: Semaphore,
    /// Free places for reads of jobs, likewise.
    loads: Semaphore,
    uncommitted: LogThrottle,
    unread: LogThrottle,
    silent: LogThrottle,
    overran: LogThrottle,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// What an input shares with everything that follows from it.
#[derive(Default)]
struct Chain {
    permit: Option<OwnedSemaphorePermit>,
    /// The queued message that started the chain.
    pending: Option<Pending>,
}

impl Chain {
    fn fail(&self) {
        if let Some(pending) = &self.pending {
            pending.fail();
        }
    }

    fn note(&self, outcome: Option<&Input<Caller>>) {
        if outcome.is_some_and(Input::is_failure_of_store) {
            self.fail();
        }
    }
}

impl Driver {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        bus: Arc<dyn Bus>,
        gate: Arc<dyn SafetyGate>,
        clock: Clock,
        settings: &Settings,
    ) -> Arc<Self> {
        let state = Mutex::new(State::new(settings, store.memory()));
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        Arc::new(Self {
            state,
            store,
            bus,
            gate,
            gate_fails: AtomicBool::new(false),
            clock,
            settings: settings.clone(),
            metrics: Metrics::default(),
            id: SchedulerId::new(entropy::random()),
            permits: Permits::default(),
            observed: AtomicU64::new(0),
            gained: watch::Sender::new(0),
            commits: Semaphore::new(MAX_COMMITS),
            loads: Semaphore::new(MAX_LOADS),
            uncommitted: LogThrottle::default(),
            unread: LogThrottle::default(),
            silent: LogThrottle::default(),
            overran: LogThrottle::default(),
            tasks,
            stop,
        })
    }

    /// Adds the scheduler's metrics to those of the process.
    pub(crate) fn register(self: &Arc<Self>, registry: &Registry) {
        let driver = Arc::downgrade(self);
        self.metrics
            .register(registry, move || driver.upgrade().map(|driver| driver.snapshot()).unwrap_or_default());
    }

    fn snapshot(&self) -> Snapshot {
        self.state().snapshot(self.clock.uptime())
    }

    /// Starts the tasks that run until [`Self::stop`].
    ///
    /// # Errors
    /// Returns an error if the bus can't be used.
    pub(crate) async fn run(self: &Arc<Self>) -> Result<(), BusError> {
        listen::heartbeats(self).await?;
        let ownership = Ownership::start(self).await?;
        self.tasks.spawn(ownership.run(self.clone()));
        self.tasks.spawn(reconcile::run(self.clone()));
        self.tasks.spawn(retain::run(self.clone()));
        self.tasks.spawn(relay::run(self.clone()));
        self.tasks.spawn(tick(self.clone()));
        Ok(())
    }

    /// Ends every task, then rejects the open calls.
    pub(crate) async fn stop(self: &Arc<Self>) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        // Another scheduler can take the calls that were not placed.
        let gives_up = self.store.is_shared().then(|| Input::Owned { terms: Terms::default() });
        for input in gives_up.into_iter().chain([Input::Stopping]) {
            for action in self.apply(input).into_iter().filter(Action::answers) {
                self.execute(action).await;
            }
        }
        ownership::leave(self).await;
    }

    fn has_calls(&self, share: Share) -> bool {
        self.state().has_calls(share)
    }

    /// Returns whether this scheduler knows its shares from a recent look at the record. One that was
    /// paused must look again first.
    fn is_current(&self) -> bool {
        let observed = Uptime::from_millis(self.observed.load(Ordering::Acquire));
        !self.store.is_shared() || self.clock.uptime().since(observed) <= DEAD_AFTER
    }

    /// Returns whether this scheduler owns a share by a recent look at the record.
    fn owns(&self, share: Share) -> bool {
        self.is_current() && self.state().owns(share)
    }

    fn note_observation(&self) {
        self.observed.store(self.clock.uptime().as_millis(), Ordering::Release);
    }

    fn state(&self) -> MutexGuard<'_, State<Caller>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Applies an input and executes the actions that follow from it. Most actions never wait and
    /// are done on return. An action that waits continues in its own task, which takes one of
    /// `permits` if one is free. Once the scheduler stops, callers are answered and nothing else
    /// starts.
    fn handle(self: &Arc<Self>, input: Input<Caller>, permits: &Arc<Semaphore>) {
        self.follow(input, permits, Chain::default());
    }

    /// Works like [`Self::handle`]. What follows from an action keeps its permit. The message that
    /// started the chain stays unsettled while the store works, but not while a worker or the
    /// safety kernel does.
    fn follow(self: &Arc<Self>, input: Input<Caller>, permits: &Arc<Semaphore>, mut chain: Chain) {
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            for action in self.apply(input) {
                if matches!(action, Action::Leave) {
                    chain.fail();
                    continue;
                }
                if self.stop.is_cancelled() && !action.answers() {
                    if action.is_of_store() {
                        chain.fail();
                    }
                    continue;
                }
                // A slow safety kernel must not delay the reports and heartbeats of workers.
                let needs_room = !action.asks();
                let pending = chain.pending.clone().filter(|_| action.is_of_store());
                let driver = self.clone();
                let mut executed = Box::pin(async move { driver.execute(action).await });
                match executed.as_mut().now_or_never() {
                    Some(outcome) => {
                        chain.note(outcome.as_ref());
                        inputs.extend(outcome);
                    }
                    None => {
                        let own = needs_room.then(|| {
                            chain.permit.take().or_else(|| permits.clone().try_acquire_owned().ok())
                        });
                        self.spawn(executed, permits, Chain { permit: own.flatten(), pending });
                    }
                }
            }
        }
    }

    fn spawn(
        self: &Arc<Self>,
        executed: impl Future<Output = Option<Input<Caller>>> + Send + 'static,
        permits: &Arc<Semaphore>,
        chain: Chain,
    ) {
        let (driver, permits) = (self.clone(), permits.clone());
        self.tasks.spawn(async move {
            let outcome = executed.await;
            chain.note(outcome.as_ref());
            if let Some(outcome) = outcome {
                driver.follow(outcome, &permits, chain);
            }
        });
    }

    /// The lock is never held across an await.
    fn apply(&self, input: Input<Caller>) -> Vec<Action<Caller>> {
        let mut dispatch = || DispatchId::new(entropy::random());
        let now = Now { wall: self.clock.now(), awake: self.clock.uptime(), dispatch: &mut dispatch };
        let mut state = self.state();
        catch_panic(&mut state, &self.settings, |state| state.apply(input, now))
    }
}

/// Runs a step. If it panics, the tasks that pass inputs continue, and the state is reset.
fn catch_panic<R>(
    state: &mut State<R>,
    settings: &Settings,
    step: impl FnOnce(&mut State<R>) -> Vec<Action<R>>,
) -> Vec<Action<R>> {
    catch_unwind(AssertUnwindSafe(|| step(state))).unwrap_or_else(|_| {
        tracing::error!(
            "a scheduler step panicked; the scheduler restarts from the store and rejects its open calls"
        );
        state.reset(settings)
    })
}

async fn tick(driver: Arc<Driver>) {
    let mut ticks = tokio::time::interval(TICK_INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let permits = Arc::new(Semaphore::new(0));
    loop {
        tokio::select! {
            () = driver.stop.cancelled() => return,
            _ = ticks.tick() => {
                driver.handle(Input::Tick, &permits);
                driver.write_rest();
            }
        }
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use cortex_domain::pointer::Memory;

    use super::*;
    use crate::settings::Unlisted;

    #[test]
    fn a_step_that_panics_does_not_stop_the_scheduler() {
        let (pools, timeouts) =
            ("topics: {}", "heartbeat: 2s\nlease: 10s\ndefault: { run: 30s, attempts: 3 }");
        let files = ((pools, Path::new("p")), (timeouts, Path::new("t")));
        let settings = Settings::parse(files.0, files.1, Unlisted::Refused).unwrap();
        let mut state = State::<()>::new(&settings, Memory::Local);
        assert!(catch_panic(&mut state, &settings, |_| panic!("a fault of the scheduler")).is_empty());
    }
}
