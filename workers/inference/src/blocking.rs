//! Work that keeps a processor busy for long, such as making tokens of a long text: away from the threads that keep
//! connections and leases alive, and shared out between tenants.
//!
//! A tenant has one piece of work under way at a time and [`MAX_WAITING`] that wait; tenants take turns.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;
use std::time::Duration;

use bytes::Bytes;
use cortex_api::Problem;
use cortex_domain::ErrorCode;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// Pieces of work of one tenant that may wait.
pub const MAX_WAITING: usize = 128;
/// Bytes that are read as fast as they are handed over.
pub const SMALL_BODY: usize = 16 * 1024;
/// When to try again if that many wait.
const FULL_RETRY_AFTER: Duration = Duration::from_secs(1);
/// Even one processor is shared by two tenants, so that one's long work does not hold up another's short one.
const MIN_THREADS: usize = 2;

/// Clones share the lanes.
#[derive(Debug, Clone)]
pub struct BlockingPool {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    tenants: Mutex<HashMap<String, TenantQueue>>,
    processors: Arc<Semaphore>,
}

#[derive(Debug)]
struct TenantQueue {
    turn: Arc<Semaphore>,
    /// At work or waiting.
    users: usize,
}

/// A place in a tenant's lane, which goes with the last one.
struct QueuePlace {
    inner: Arc<Inner>,
    tenant: String,
}

impl Default for BlockingPool {
    fn default() -> Self {
        let processors = available_parallelism().map_or(MIN_THREADS, |all| all.get().max(MIN_THREADS));
        Self::new(processors)
    }
}

impl BlockingPool {
    /// BlockingPool that have so much work under way at a time, of all tenants together.
    #[must_use]
    pub fn new(processors: usize) -> Self {
        let processors = Arc::new(Semaphore::new(processors.max(1)));
        Self { inner: Arc::new(Inner { tenants: Mutex::default(), processors }) }
    }

    /// Does work when it is the tenant's turn. Work that has begun ends by itself, though its caller may be gone.
    ///
    /// # Errors
    /// If too much work of this tenant waits, or the work panics.
    pub async fn run<T: Send + 'static>(
        &self,
        tenant: &str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let (place, turn) = self.enter(tenant)?;
        let turn = turn.acquire_owned().await;
        let processor = self.inner.processors.clone().acquire_owned().await;
        let running = spawn_blocking(move || {
            let done = work();
            drop((processor, turn, place));
            done
        });
        running.await.map_err(|error| {
            tracing::error!(%error, "work broke");
            Problem::new(ErrorCode::WorkerFailed, "the request could not be read")
        })
    }

    /// Reads a request's body: a large one when it is the tenant's turn, a small one at once.
    ///
    /// # Errors
    /// As `parse`, or as [`BlockingPool::run`].
    pub async fn read<T: Send + 'static>(
        &self,
        tenant: &str,
        body: Bytes,
        parse: impl FnOnce(&[u8]) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        match body.len() {
            ..=SMALL_BODY => parse(&body),
            _ => self.run(tenant, move || parse(&body)).await?,
        }
    }

    fn enter(&self, tenant: &str) -> Result<(QueuePlace, Arc<Semaphore>), Problem> {
        let mut tenants = self.inner.tenants();
        let queue = tenants
            .entry(tenant.to_owned())
            .or_insert_with(|| TenantQueue { turn: Arc::new(Semaphore::new(1)), users: 0 });
        if queue.users > MAX_WAITING {
            let detail = format!("{MAX_WAITING} requests of this tenant wait to be read");
            return Err(Problem::new(ErrorCode::Overloaded, detail).retry_after(FULL_RETRY_AFTER));
        }
        queue.users += 1;
        let turn = queue.turn.clone();
        Ok((QueuePlace { inner: self.inner.clone(), tenant: tenant.to_owned() }, turn))
    }
}

impl Inner {
    fn tenants(&self) -> MutexGuard<'_, HashMap<String, TenantQueue>> {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for QueuePlace {
    fn drop(&mut self) {
        let mut tenants = self.inner.tenants();
        if let Some(queue) = tenants.get_mut(&self.tenant) {
            queue.users -= 1;
            if queue.users == 0 {
                tenants.remove(&self.tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn one_tenants_long_work_leaves_room_for_anothers() {
        let pool = BlockingPool::new(2);
        let (finish, gate) = mpsc::channel::<()>();
        let (begun, began) = tokio::sync::oneshot::channel();
        let long = tokio::spawn({
            let pool = pool.clone();
            async move {
                let work = move || {
                    _ = begun.send(());
                    gate.recv()
                };
                pool.run("a", work).await
            }
        });
        began.await.unwrap();
        let mut waiting: Vec<_> = (0..MAX_WAITING).map(|_| Box::pin(pool.run("a", || ()))).collect();
        assert!(waiting.iter_mut().all(|work| work.now_or_never().is_none()), "its own work waits");
        let refused = pool.run("a", || ()).await.unwrap_err();
        assert_eq!(refused.kind, ErrorCode::Overloaded);
        assert!(pool.run("b", || 7).await.is_ok_and(|seven| seven == 7));
        finish.send(()).unwrap();
        long.await.unwrap().unwrap().unwrap();
        drop(waiting);
        assert!(pool.inner.tenants().is_empty(), "nothing is kept of a tenant without work");
    }

    #[tokio::test]
    async fn work_whose_caller_is_gone_keeps_its_place_until_it_ends() {
        let pool = BlockingPool::new(2);
        let (finish, gate) = mpsc::channel::<()>();
        let mut left = Box::pin(pool.run("a", move || gate.recv()));
        assert!(left.as_mut().now_or_never().is_none());
        drop(left);
        let mut next = Box::pin(pool.run("a", || ()));
        assert!(next.as_mut().now_or_never().is_none());
        finish.send(()).unwrap();
        next.await.unwrap();
    }

    #[tokio::test]
    async fn work_that_panics_is_one_failure() {
        let pool = BlockingPool::new(1);
        let broken = pool.run("a", || panic!("on purpose")).await;
        assert_eq!(broken.map(|(): ()| ()).unwrap_err().kind, ErrorCode::WorkerFailed);
        pool.run("a", || ()).await.unwrap();
    }
}
