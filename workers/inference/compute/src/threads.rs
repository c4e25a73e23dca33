//! The thread pool of a forward pass.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

use crate::simd::Isa;

/// How often a thread polls for work, or for the end of it, before it sleeps. This takes about ten
/// microseconds. It is less than the time between two products of a layer, and more than waking a
/// thread takes.
const SPINS: usize = 2_000;

/// A thread pool that lives as long as its model. The calling thread works too, so a pool of `1`
/// starts no thread.
#[derive(Debug)]
pub struct Threads {
    isa: Isa,
    shared: Arc<Shared>,
    /// Held during a task, so that only one task runs at a time.
    turn: Mutex<()>,
    others: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<PoolState>,
    /// Changes with `PoolState::posted`, and is read without the lock.
    posted: AtomicU64,
    /// Equals `PoolState::inside`, and is read without the lock.
    inside: AtomicUsize,
    called: Condvar,
    left: Condvar,
}

/// The state that the threads share under a lock.
#[derive(Debug, Default)]
struct PoolState {
    posted: u64,
    /// The current task. It stays until the thread that posted it finds nothing left to do.
    work: Option<ErasedTask>,
    /// How many threads took the task and have not returned.
    inside: usize,
    panic: Option<Box<dyn Any + Send>>,
    closed: bool,
}

/// A task with its lifetime erased. See [`Threads::run`].
#[derive(Debug, Clone, Copy)]
struct ErasedTask(&'static (dyn Task + 'static));

trait Task: Sync {
    fn run(&self);
}

impl<F: Fn() + Sync> Task for F {
    fn run(&self) {
        self();
    }
}

impl std::fmt::Debug for dyn Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Task")
    }
}

impl Threads {
    /// Starts a pool of `count` threads including the caller, at least one, with the best
    /// instruction set.
    pub fn new(count: usize) -> std::io::Result<Self> {
        Self::on(Isa::best(), count)
    }

    /// Like [`Threads::new`], with a given instruction set.
    ///
    /// # Panics
    ///
    /// Panics if this processor doesn't support it.
    pub fn on(isa: Isa, count: usize) -> std::io::Result<Self> {
        let mut threads =
            Self { isa, shared: Arc::default(), turn: Mutex::default(), others: Vec::with_capacity(count) };
        for number in 1..count {
            let shared = Arc::clone(&threads.shared);
            threads
                .others
                .push(Builder::new().name(format!("kernel-{number}")).spawn(move || shared.serve())?);
        }
        Ok(threads)
    }

    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// Returns the number of threads, including the calling one.
    pub fn count(&self) -> usize {
        self.others.len() + 1
    }

    /// Runs `work` for every number below `items`, and returns when all are done. Each thread
    /// counts up a range of the numbers, so that it finds prefetched data in its own cache, and
    /// then helps with the other ranges.
    ///
    /// # Panics
    ///
    /// Panics if the work panics. The work must not call this pool again, which would deadlock.
    pub fn each(&self, items: usize, work: impl Fn(usize) + Sync) {
        if items < 2 || self.others.is_empty() {
            return (0..items).for_each(work);
        }
        let share = items.div_ceil(self.count());
        let shares: Vec<_> = (0..items).step_by(share).map(AtomicUsize::new).collect();
        let arrived = AtomicUsize::new(0);
        self.run(&|| {
            let own = arrived.fetch_add(1, Ordering::Relaxed);
            for number in (own..own + shares.len()).map(|number| number % shares.len()) {
                let end = items.min((number + 1) * share);
                loop {
                    let item = shares[number].fetch_add(1, Ordering::Relaxed);
                    if item >= end {
                        break;
                    }
                    work(item);
                }
            }
        });
    }

    /// Runs `task` here, and on every thread that joins before it is done here.
    fn run(&self, task: &(dyn Task + '_)) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: the state holds the reference from here until `dismiss`, and no thread uses it
        // after leaving the task. This function neither returns nor unwinds before `dismiss` has
        // seen the last thread leave.
        let work = unsafe { std::mem::transmute::<&(dyn Task + '_), &'static (dyn Task + 'static)>(task) };
        self.shared.post(ErasedTask(work));
        let own = catch_unwind(AssertUnwindSafe(|| task.run()));
        let others = self.shared.dismiss();
        if let Some(panic) = own.err().or(others) {
            resume_unwind(panic);
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.shared.state().closed = true;
        self.shared.posted.fetch_add(1, Ordering::Release);
        self.shared.called.notify_all();
        for other in self.others.drain(..) {
            // The thread catches panics of its work.
            let _ = other.join();
        }
    }
}

impl Shared {
    /// Nothing is left in an inconsistent state under the lock, so a poisoned lock is fine.
    fn state(&self) -> MutexGuard<'_, PoolState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn post(&self, work: ErasedTask) {
        let mut state = self.state();
        state.posted += 1;
        state.work = Some(work);
        self.posted.store(state.posted, Ordering::Release);
        drop(state);
        self.called.notify_all();
    }

    /// Removes the task, and waits for the threads that still run it.
    fn dismiss(&self) -> Option<Box<dyn Any + Send>> {
        let mut state = self.state();
        state.work = None;
        if state.inside > 0 {
            drop(state);
            spin_until(|| self.inside.load(Ordering::Acquire) == 0);
            state = self.state();
        }
        while state.inside > 0 {
            state = self.left.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.panic.take()
    }

    /// The main loop of a thread.
    fn serve(&self) {
        let mut seen = 0;
        loop {
            spin_until(|| self.posted.load(Ordering::Acquire) != seen);
            let mut state = self.state();
            while state.posted == seen && !state.closed {
                state = self.called.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.closed {
                return;
            }
            seen = state.posted;
            let Some(work) = state.work else { continue };
            state.inside += 1;
            self.inside.store(state.inside, Ordering::Release);
            drop(state);
            let result = catch_unwind(AssertUnwindSafe(|| work.0.run()));
            let mut state = self.state();
            state.inside -= 1;
            self.inside.store(state.inside, Ordering::Release);
            if let Err(panic) = result {
                state.panic = Some(panic);
            }
            if state.inside == 0 {
                self.left.notify_one();
            }
        }
    }
}

/// Polls a condition for a while.
fn spin_until(condition: impl Fn() -> bool) {
    for _ in 0..SPINS {
        if condition() {
            return;
        }
        std::hint::spin_loop();
    }
}
