//! The threads that a forward pass runs on.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

use crate::simd::Isa;

/// How often a thread looks for work, or for the end of it, before it sleeps: some ten microseconds, less than the time
/// between two products of a layer, more than waking a thread takes.
const LOOKS: usize = 2_000;

/// A pool that lives as long as the model. The thread that calls works too, so one of `1` starts none.
#[derive(Debug)]
pub struct Threads {
    isa: Isa,
    shared: Arc<Shared>,
    /// Held through a piece of work: there is one at a time.
    turn: Mutex<()>,
    others: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    desk: Mutex<Desk>,
    /// Changes with `Desk::posted`; looked at without the lock.
    posted: AtomicU64,
    /// Is `Desk::inside`; looked at without the lock.
    inside: AtomicUsize,
    called: Condvar,
    left: Condvar,
}

/// What the threads tell each other.
#[derive(Debug, Default)]
struct Desk {
    posted: u64,
    /// There until whoever posted it has found nothing left to do.
    work: Option<Work>,
    /// Threads that took the work and aren't back.
    inside: usize,
    panic: Option<Box<dyn Any + Send>>,
    closed: bool,
}

/// Work that outlives its lifetime's erasure: see [`Threads::run`].
#[derive(Debug, Clone, Copy)]
struct Work(&'static (dyn Task + 'static));

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
    /// `count` threads with this one, at least one, on the best instructions there are.
    pub fn new(count: usize) -> std::io::Result<Self> {
        Self::on(Isa::best(), count)
    }

    /// As [`Threads::new`], on chosen instructions.
    ///
    /// # Panics
    /// If this processor hasn't got them.
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

    /// How many work, with the one that calls.
    pub fn count(&self) -> usize {
        self.others.len() + 1
    }

    /// Does `work` for every number below `items`, and returns when all is done. Each thread goes up a share of the numbers,
    /// so that it finds in its cache what it asked for ahead, and then helps with the others' shares.
    ///
    /// # Panics
    /// If the work does; and it must not call this pool again, which would wait for itself.
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

    /// Runs `task` here and on every thread that comes before it is done here.
    fn run(&self, task: &(dyn Task + '_)) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: the reference is on the desk from here until `dismiss`, and no thread uses it after it has left;
        // this function neither returns nor unwinds before `dismiss` has seen the last of them leave.
        let work = unsafe { std::mem::transmute::<&(dyn Task + '_), &'static (dyn Task + 'static)>(task) };
        self.shared.post(Work(work));
        let own = catch_unwind(AssertUnwindSafe(|| task.run()));
        let others = self.shared.dismiss();
        if let Some(panic) = own.err().or(others) {
            resume_unwind(panic);
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.shared.desk().closed = true;
        self.shared.posted.fetch_add(1, Ordering::Release);
        self.shared.called.notify_all();
        for other in self.others.drain(..) {
            // It catches what its work throws.
            let _ = other.join();
        }
    }
}

impl Shared {
    /// Nothing is left half done under the lock, so a poisoned one is as good.
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn post(&self, work: Work) {
        let mut desk = self.desk();
        desk.posted += 1;
        desk.work = Some(work);
        self.posted.store(desk.posted, Ordering::Release);
        drop(desk);
        self.called.notify_all();
    }

    /// Takes the work from the desk and waits for those who have it.
    fn dismiss(&self) -> Option<Box<dyn Any + Send>> {
        let mut desk = self.desk();
        desk.work = None;
        if desk.inside > 0 {
            drop(desk);
            look(|| self.inside.load(Ordering::Acquire) == 0);
            desk = self.desk();
        }
        while desk.inside > 0 {
            desk = self.left.wait(desk).unwrap_or_else(PoisonError::into_inner);
        }
        desk.panic.take()
    }

    /// A thread's life.
    fn serve(&self) {
        let mut seen = 0;
        loop {
            look(|| self.posted.load(Ordering::Acquire) != seen);
            let mut desk = self.desk();
            while desk.posted == seen && !desk.closed {
                desk = self.called.wait(desk).unwrap_or_else(PoisonError::into_inner);
            }
            if desk.closed {
                return;
            }
            seen = desk.posted;
            let Some(work) = desk.work else { continue };
            desk.inside += 1;
            self.inside.store(desk.inside, Ordering::Release);
            drop(desk);
            let result = catch_unwind(AssertUnwindSafe(|| work.0.run()));
            let mut desk = self.desk();
            desk.inside -= 1;
            self.inside.store(desk.inside, Ordering::Release);
            if let Err(panic) = result {
                desk.panic = Some(panic);
            }
            if desk.inside == 0 {
                self.left.notify_one();
            }
        }
    }
}

/// Looks for a while whether something is so.
fn look(so: impl Fn() -> bool) {
    for _ in 0..LOOKS {
        if so() {
            return;
        }
        std::hint::spin_loop();
    }
}
