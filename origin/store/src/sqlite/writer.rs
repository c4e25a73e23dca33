//! Group commit. One thread owns the write connection and flushes many requests in one transaction.
//!
//! No request is answered before `COMMIT` has returned. While one group is flushed, the next one
//! gathers in the queue. A slow disk therefore makes larger groups, not longer queues.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Instant;

use cortex_domain::ports::StoreError;
use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

use super::fault::Fault;
use super::queue::{PushError, Queue, WriteMode};
use super::transaction::Transaction;
use crate::metrics::Metrics;

/// Maximum size of all waiting requests, in units of [`UNIT_BYTES`].
const QUEUE_UNITS: usize = 64 * 1024;
const UNIT_BYTES: usize = 1024;
/// Maximum number of requests in a group.
const MAX_GROUP_WRITES: usize = 512;
/// The size at which a group is closed, in units of [`UNIT_BYTES`].
const MAX_GROUP_UNITS: usize = 4 * 1024;

/// Whether a write wakes the callers that wait for changes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Notify {
    Watchers,
    None,
}

#[derive(Debug)]
pub(super) struct Writer {
    queue: Arc<Queue<QueuedWrite>>,
    room: Arc<Semaphore>,
    commits: watch::Receiver<u64>,
    /// Whether the last group of writes failed.
    fails: Arc<AtomicBool>,
    pub(super) metrics: Metrics,
    thread: Option<JoinHandle<()>>,
}

/// The future result of a queued write.
pub(super) struct PendingWrite<T>(oneshot::Receiver<Result<T, Fault>>);

impl<T> IntoFuture for PendingWrite<T>
where
    T: Send + 'static,
{
    type Output = Result<T, Fault>;
    type IntoFuture = std::pin::Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async { self.0.await.unwrap_or_else(|_| Err(stopped().into())) })
    }
}

fn stopped() -> StoreError {
    StoreError::Broken("the writer has stopped".into())
}

impl Writer {
    pub(super) fn start(connection: Connection) -> io::Result<Self> {
        let queue = Arc::new(Queue::default());
        let writes = WriteReceiver(Arc::clone(&queue));
        let (count, commits) = watch::channel(0);
        let fails = Arc::new(AtomicBool::new(false));
        let failing = Arc::clone(&fails);
        let metrics = Metrics::default();
        let measured = metrics.clone();
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || serve(&Transaction::new(connection), &writes, &count, &failing, &measured))?;
        Ok(Self {
            queue,
            room: Arc::new(Semaphore::new(QUEUE_UNITS)),
            commits,
            fails,
            metrics,
            thread: Some(thread),
        })
    }

    /// Writes and waits for the flush.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        notify: Notify,
        size: usize,
        op: impl FnOnce(&Transaction) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let queued = Instant::now();
        let written = self.queue(notify, WriteMode::Awaited, size, op)?.await;
        self.metrics.commit.observe(queued.elapsed().as_secs_f64());
        written
    }

    /// Queues a write behind the earlier ones.
    pub(super) fn queue<T: Send + 'static>(
        &self,
        notify: Notify,
        mode: WriteMode,
        size: usize,
        op: impl FnOnce(&Transaction) -> Result<T, Fault> + Send + 'static,
    ) -> Result<PendingWrite<T>, StoreError> {
        let (answer, written) = oneshot::channel();
        let units = u32::try_from(size / UNIT_BYTES + 1).unwrap_or(u32::MAX);
        let room =
            Arc::clone(&self.room).try_acquire_many_owned(units).map_err(|_| StoreError::Overloaded)?;
        let request = WriteRequest { op: Some(op), result: None, answer };
        let queued = QueuedWrite { notify, units: room, request: Box::new(request) };
        self.queue.push(queued, mode).map_err(|error| match error {
            PushError::Full => StoreError::Overloaded,
            PushError::Closed => stopped(),
        })?;
        Ok(PendingWrite(written))
    }

    /// Returns whether the last group of writes failed, so that the next one may fail too.
    pub(super) fn is_failing(&self) -> bool {
        self.fails.load(Ordering::Acquire)
    }

    /// Returns whether a queued write is not flushed yet.
    pub(super) fn has_pending_writes(&self) -> bool {
        self.queue.has_pending_writes()
    }

    /// Waits until more than `seen` groups that wake watchers were committed.
    pub(super) fn changed(&self, seen: u64) -> impl Future<Output = u64> + Send + use<> {
        let mut commits = self.commits.clone();
        async move {
            let later = commits.wait_for(|count| *count > seen).await.map(|count| *count);
            match later {
                Ok(count) => count,
                // The store is closed, so nothing will ever change.
                Err(_) => std::future::pending().await,
            }
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.close();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the store's writer panicked");
        }
    }
}

struct QueuedWrite {
    notify: Notify,
    units: OwnedSemaphorePermit,
    request: Box<dyn WriteOperation>,
}

/// A queued write with any type of result.
trait WriteOperation: Send {
    /// Runs within the transaction. Returns false if it failed and must be rolled back.
    fn run(&mut self, transaction: &Transaction) -> bool;

    /// Sends the result, once the transaction is committed or has failed.
    fn respond(self: Box<Self>, transaction: Result<(), &rusqlite::Error>);
}

struct WriteRequest<T, F> {
    op: Option<F>,
    result: Option<Result<T, Fault>>,
    answer: oneshot::Sender<Result<T, Fault>>,
}

impl<T: Send, F: FnOnce(&Transaction) -> Result<T, Fault> + Send> WriteOperation for WriteRequest<T, F> {
    fn run(&mut self, transaction: &Transaction) -> bool {
        self.result = self.op.take().map(|op| op(transaction));
        matches!(self.result, Some(Ok(_)))
    }

    fn respond(self: Box<Self>, transaction: Result<(), &rusqlite::Error>) {
        let answer = match transaction {
            Ok(()) => self.result.unwrap_or_else(|| Err(stopped().into())),
            Err(error) => Err(StoreError::Broken(error.to_string()).into()),
        };
        if let Err(Err(fault)) = self.answer.send(answer) {
            tracing::warn!(%fault, "a write without a waiting caller failed");
        }
    }
}

/// The writer's end of the queue. When it is dropped for any reason, every waiting caller gets an
/// error.
struct WriteReceiver(Arc<Queue<QueuedWrite>>);

impl WriteReceiver {
    /// Returns the next group, up to its limits.
    fn group(&self) -> Option<Vec<QueuedWrite>> {
        let (mut writes, mut units) = (0, 0);
        self.0.take(|queued| {
            writes += 1;
            units += queued.units.num_permits();
            writes < MAX_GROUP_WRITES && units < MAX_GROUP_UNITS
        })
    }
}

impl Drop for WriteReceiver {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

fn serve(
    transaction: &Transaction,
    writes: &WriteReceiver,
    count: &watch::Sender<u64>,
    fails: &AtomicBool,
    metrics: &Metrics,
) {
    while let Some(mut group) = writes.group() {
        let (outcome, notify) = match attempt(transaction, &mut group, metrics) {
            Ok(notify) => (Ok(()), notify),
            Err(error) => (Err(error), false),
        };
        fails.store(outcome.is_err(), Ordering::Release);
        for queued in group {
            queued.request.respond(outcome.as_ref().copied());
        }
        if notify {
            count.send_modify(|count| *count += 1);
        }
    }
    if transaction.has_retries() && attempt(transaction, &mut [], metrics).is_err() {
        tracing::error!("audit entries were lost because the store could not be written while it closed");
    }
}

/// Runs all of a group or nothing. Returns whether to wake watchers.
fn attempt(
    transaction: &Transaction,
    group: &mut [QueuedWrite],
    metrics: &Metrics,
) -> rusqlite::Result<bool> {
    let outcome = transact(transaction, group, metrics);
    match &outcome {
        Ok(_) => transaction.mark_committed(),
        Err(error) => {
            tracing::error!(%error, requests = group.len(), "a group of writes failed and is rolled back");
            roll_back(transaction);
        }
    }
    outcome
}

/// Runs all of a group and flushes it. Returns whether to wake watchers.
fn transact(
    transaction: &Transaction,
    group: &mut [QueuedWrite],
    metrics: &Metrics,
) -> rusqlite::Result<bool> {
    let run = |sql| transaction.prepare_cached(sql)?.execute([]).map(drop);
    let mut notify = false;
    run("BEGIN IMMEDIATE")?;
    for queued in &mut *group {
        // A request that fails does not affect the others.
        let savepoint = transaction.savepoint();
        run("SAVEPOINT request")?;
        if queued.request.run(transaction) {
            notify |= queued.notify == Notify::Watchers;
        } else {
            run("ROLLBACK TO request")?;
            transaction.roll_back_to(savepoint);
        }
        run("RELEASE request")?;
    }
    transaction.flush()?;
    let flushing = Instant::now();
    run("COMMIT")?;
    metrics.flush.observe(flushing.elapsed().as_secs_f64());
    metrics.group.observe(group.len() as f64);
    Ok(notify)
}

fn roll_back(transaction: &Transaction) {
    transaction.discard_group();
    if transaction.is_autocommit() {
        return;
    }
    if let Err(error) = transaction.execute_batch("ROLLBACK") {
        tracing::error!(%error, "a failed group of writes could not be rolled back");
    }
}
