//! Group commit: one thread owns the write connection and flushes many requests in one transaction.
//!
//! Nobody is answered before `COMMIT` has returned. While one group is flushed the next one gathers in the
//! queue, so a slow disk makes larger groups and not longer queues.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Instant;

use cortex_domain::ports::StoreError;
use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

use super::fault::Fault;
use super::metrics::Metrics;
use super::queue::{Haste, PushError, Queue};
use super::transaction::Transaction;

/// Bytes that may wait, in units of [`UNIT`].
const ROOM: usize = 64 * 1024;
const UNIT: usize = 1024;
/// Requests of one group.
const GROUP: usize = 512;
/// Bytes after which a group is closed, in units of [`UNIT`].
const GROUP_ROOM: usize = 4 * 1024;

/// Whether those who wait for changes are told of a write.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    Jobs,
    None,
}

#[derive(Debug)]
pub(super) struct Writer {
    queue: Arc<Queue<Queued>>,
    room: Arc<Semaphore>,
    commits: watch::Receiver<u64>,
    /// Whether the last group of writes failed.
    fails: Arc<AtomicBool>,
    pub(super) metrics: Metrics,
    thread: Option<JoinHandle<()>>,
}

/// What a queued request will answer.
pub(super) struct Written<T>(oneshot::Receiver<Result<T, Fault>>);

impl<T> IntoFuture for Written<T>
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
    StoreError::Broken("its writer has stopped".into())
}

impl Writer {
    pub(super) fn start(connection: Connection) -> io::Result<Self> {
        let queue = Arc::new(Queue::default());
        let requests = Requests(Arc::clone(&queue));
        let (count, commits) = watch::channel(0);
        let fails = Arc::new(AtomicBool::new(false));
        let failing = Arc::clone(&fails);
        let metrics = Metrics::default();
        let measured = metrics.clone();
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || serve(&Transaction::new(connection), &requests, &count, &failing, &measured))?;
        Ok(Self {
            queue,
            room: Arc::new(Semaphore::new(ROOM)),
            commits,
            fails,
            metrics,
            thread: Some(thread),
        })
    }

    /// Writes and waits for the flush.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        news: News,
        size: usize,
        op: impl FnOnce(&Transaction) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let queued = Instant::now();
        let written = self.queue(news, Haste::Awaited, size, op)?.await;
        self.metrics.commit.observe(queued.elapsed().as_secs_f64());
        written
    }

    /// Queues a write behind those queued before.
    pub(super) fn queue<T: Send + 'static>(
        &self,
        news: News,
        haste: Haste,
        size: usize,
        op: impl FnOnce(&Transaction) -> Result<T, Fault> + Send + 'static,
    ) -> Result<Written<T>, StoreError> {
        let (answer, written) = oneshot::channel();
        let units = u32::try_from(size / UNIT + 1).unwrap_or(u32::MAX);
        let room =
            Arc::clone(&self.room).try_acquire_many_owned(units).map_err(|_| StoreError::Overloaded)?;
        let request = Request { op: Some(op), result: None, answer };
        let queued = Queued { news, room, request: Box::new(request) };
        self.queue.push(queued, haste).map_err(|error| match error {
            PushError::Full => StoreError::Overloaded,
            PushError::Closed => stopped(),
        })?;
        Ok(Written(written))
    }

    /// Whether the last group of writes failed, so that the next one may fail as well.
    pub(super) fn fails(&self) -> bool {
        self.fails.load(Ordering::Acquire)
    }

    /// Whether something queued is not flushed yet.
    pub(super) fn is_behind(&self) -> bool {
        self.queue.is_behind()
    }

    /// Resolves once more than `seen` groups with news were committed.
    pub(super) fn changed(&self, seen: u64) -> impl Future<Output = u64> + Send + use<> {
        let mut commits = self.commits.clone();
        async move {
            let later = commits.wait_for(|count| *count > seen).await.map(|count| *count);
            match later {
                Ok(count) => count,
                // The store is closed: nothing will ever change.
                Err(_) => std::future::pending().await,
            }
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.close();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the store's writer had panicked");
        }
    }
}

struct Queued {
    news: News,
    room: OwnedSemaphorePermit,
    request: Box<dyn Act>,
}

/// A request of any answer.
trait Act: Send {
    /// Does it within the transaction; false if it failed and is to be undone.
    fn act(&mut self, transaction: &Transaction) -> bool;

    /// Answers, once it is known what became of the transaction.
    fn answer(self: Box<Self>, transaction: Result<(), &rusqlite::Error>);
}

struct Request<T, F> {
    op: Option<F>,
    result: Option<Result<T, Fault>>,
    answer: oneshot::Sender<Result<T, Fault>>,
}

impl<T: Send, F: FnOnce(&Transaction) -> Result<T, Fault> + Send> Act for Request<T, F> {
    fn act(&mut self, transaction: &Transaction) -> bool {
        self.result = self.op.take().map(|op| op(transaction));
        matches!(self.result, Some(Ok(_)))
    }

    fn answer(self: Box<Self>, transaction: Result<(), &rusqlite::Error>) {
        let answer = match transaction {
            Ok(()) => self.result.unwrap_or_else(|| Err(stopped().into())),
            Err(error) => Err(StoreError::Broken(error.to_string()).into()),
        };
        if let Err(Err(fault)) = self.answer.send(answer) {
            tracing::warn!(%fault, "a write that nobody waits for failed");
        }
    }
}

/// The writer's end of the queue: once it is gone, however that came, nobody is left waiting.
struct Requests(Arc<Queue<Queued>>);

impl Requests {
    /// The next group, up to its bounds.
    fn group(&self) -> Option<Vec<Queued>> {
        let (mut requests, mut room) = (0, 0);
        self.0.take(|queued| {
            requests += 1;
            room += queued.room.num_permits();
            requests < GROUP && room < GROUP_ROOM
        })
    }
}

impl Drop for Requests {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

fn serve(
    transaction: &Transaction,
    requests: &Requests,
    count: &watch::Sender<u64>,
    fails: &AtomicBool,
    metrics: &Metrics,
) {
    while let Some(mut group) = requests.group() {
        let (outcome, news) = match attempt(transaction, &mut group, metrics) {
            Ok(news) => (Ok(()), news),
            Err(error) => (Err(error), false),
        };
        fails.store(outcome.is_err(), Ordering::Release);
        for queued in group {
            queued.request.answer(outcome.as_ref().copied());
        }
        if news {
            count.send_modify(|count| *count += 1);
        }
    }
    if transaction.carries() && attempt(transaction, &mut [], metrics).is_err() {
        tracing::error!("entries of the audit log were lost: the store closes and can't be written");
    }
}

/// Does all of a group, or nothing; true if it held news.
fn attempt(transaction: &Transaction, group: &mut [Queued], metrics: &Metrics) -> rusqlite::Result<bool> {
    let outcome = transact(transaction, group, metrics);
    match &outcome {
        Ok(_) => transaction.committed(),
        Err(error) => {
            tracing::error!(%error, requests = group.len(), "a group of writes failed and is undone");
            undo(transaction);
        }
    }
    outcome
}

/// Does all of a group and flushes it; true if it held news.
fn transact(transaction: &Transaction, group: &mut [Queued], metrics: &Metrics) -> rusqlite::Result<bool> {
    let run = |sql| transaction.prepare_cached(sql)?.execute([]).map(drop);
    let mut news = false;
    run("BEGIN IMMEDIATE")?;
    for queued in &mut *group {
        // One that fails takes none of the others with it.
        let mark = transaction.mark();
        run("SAVEPOINT request")?;
        if queued.request.act(transaction) {
            news |= queued.news == News::Jobs;
        } else {
            run("ROLLBACK TO request")?;
            transaction.take_back(mark);
        }
        run("RELEASE request")?;
    }
    transaction.flush()?;
    let flushing = Instant::now();
    run("COMMIT")?;
    metrics.flush.observe(flushing.elapsed().as_secs_f64());
    metrics.group.observe(group.len() as f64);
    Ok(news)
}

fn undo(transaction: &Transaction) {
    transaction.forget_group();
    if transaction.is_autocommit() {
        return;
    }
    if let Err(error) = transaction.execute_batch("ROLLBACK") {
        tracing::error!(%error, "a failed group of writes could not be undone");
    }
}
