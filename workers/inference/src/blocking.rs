//! A pool for work that keeps a processor busy, such as tokenising a long text. It runs such work
//! away from the threads that serve connections and renew leases, and shares it between tenants.
//!
//! A tenant runs one piece of work at a time and may have [`MAX_WAITING`] more waiting. The tenants
//! take turns.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;
use std::time::Duration;

use bytes::Bytes;
use cortex_api::Problem;
use cortex_domain::ErrorCode;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// How many pieces of work of one tenant may wait.
pub const MAX_WAITING: usize = 128;
/// The largest body that is parsed at once, because handing it over would take as long.
pub const SMALL_BODY: usize = 16 * 1024;
/// When to try again if the tenant has too much work waiting.
const FULL_RETRY_AFTER: Duration = Duration::from_secs(1);
/// Even a single processor is shared by two tenants, so that long work of one does not delay short
/// work of another.
const MIN_THREADS: usize = 2;

/// A pool of threads for blocking work. Clones share it.
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
    /// How many callers run or wait.
    users: usize,
}

/// A caller's place in its tenant's queue. The last place removes the queue.
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
    /// Creates a pool that runs this many pieces of work at a time, for all tenants together.
    #[must_use]
    pub fn new(processors: usize) -> Self {
        let processors = Arc::new(Semaphore::new(processors.max(1)));
        Self { inner: Arc::new(Inner { tenants: Mutex::default(), processors }) }
    }

    /// Runs work when it is the tenant's turn. Work that has started runs to its end even if the
    /// caller disconnects.
    ///
    /// # Errors
    ///
    /// Returns a problem if the tenant has too much work waiting, or if the work panics.
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
            tracing::error!(%error, "blocking work panicked");
            Problem::new(ErrorCode::WorkerFailed, "the request could not be read")
        })
    }

    /// Parses a request's body. A large body waits for the tenant's turn, and a small one is parsed
    /// at once.
    ///
    /// # Errors
    ///
    /// Returns the problem of `parse` or of [`BlockingPool::run`].
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
            let detail =
                format!("too many requests of this tenant are waiting ({MAX_WAITING}): try again later");
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
