//! Group commit. One task owns the write connection and sends many writes as one statement, which
//! is one transaction with one flush.
//!
//! No write is answered before the statement has returned. While one batch is flushed, the next one
//! gathers in the queue.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cortex_domain::ports::StoreError;
use cortex_domain::retention::Retention;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::timeout;
use tokio_postgres::{Client, Row};

use super::address::{Address, CONNECT_TIMEOUT};
use super::fault::Fault;
use super::operation::{Operation, Parameters, WRITE, limits};
use crate::fence::Fence;
use crate::metrics::Metrics;

/// Maximum number of waiting writes.
const MAX_QUEUED: usize = 4096;
/// Maximum size of all waiting writes, in units of [`UNIT_BYTES`].
const QUEUE_UNITS: usize = 64 * 1024;
const UNIT_BYTES: usize = 1024;
/// Maximum number of writes in a batch.
const MAX_BATCH_WRITES: usize = 512;
/// The size at which a batch is closed, in units of [`UNIT_BYTES`].
const MAX_BATCH_UNITS: usize = 4 * 1024;
/// How long the server may take for a batch.
const BATCH_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a write may take in all.
const WRITE_TIMEOUT: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<QueuedWrite>,
    room: Arc<Semaphore>,
    pub(super) metrics: Metrics,
}

#[derive(Debug)]
struct QueuedWrite {
    operation: Operation,
    units: OwnedSemaphorePermit,
    queued: Instant,
    answer: oneshot::Sender<Result<Outcome, StoreError>>,
}

/// What became of a write.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    Done,
    /// The idempotency key has this job.
    Known {
        record: Bytes,
    },
    Mismatch,
    /// The id belongs to this job, whose input may be the same.
    SameId {
        record: Bytes,
        same_input: bool,
    },
    Conflict,
    NoDraft,
    /// The tenant has reached the limit with this number. The oldest of what counts is of `oldest`.
    BeyondLimit {
        bound: i32,
        oldest: Option<i64>,
    },
    /// The job of an idempotency key is missing.
    NoJob,
    /// Another scheduler has the tenant's share.
    TermOver,
}

impl Writer {
    pub(super) fn start(
        address: Address,
        client: Client,
        epoch: i64,
        retention: &Retention,
        fence: Arc<Fence>,
    ) -> Self {
        let (queue, writes) = mpsc::channel(MAX_QUEUED);
        let metrics = Metrics::default();
        let link = Link { address, client: Some(client), epoch, limits: limits(retention), fence };
        tokio::spawn(serve(link, writes, metrics.clone()));
        Self { queue, room: Arc::new(Semaphore::new(QUEUE_UNITS)), metrics }
    }

    /// Writes and waits for the flush.
    pub(super) async fn write(&self, operation: Operation) -> Result<Outcome, StoreError> {
        let queued = Instant::now();
        let units = u32::try_from(operation.weight() / UNIT_BYTES + 1).unwrap_or(u32::MAX);
        let units =
            Arc::clone(&self.room).try_acquire_many_owned(units).map_err(|_| StoreError::Overloaded)?;
        let (answer, written) = oneshot::channel();
        self.queue.try_send(QueuedWrite { operation, units, queued, answer }).map_err(
            |error| match error {
                TrySendError::Full(_) => StoreError::Overloaded,
                TrySendError::Closed(_) => stopped(),
            },
        )?;
        let written = match timeout(WRITE_TIMEOUT, written).await {
            Ok(written) => written.unwrap_or_else(|_| Err(stopped())),
            Err(_) => Err(Fault::Timeout(WRITE_TIMEOUT.as_secs()).into()),
        };
        self.metrics.commit.observe(queued.elapsed().as_secs_f64());
        match written? {
            Outcome::TermOver => Err(StoreError::TermOver),
            outcome => Ok(outcome),
        }
    }
}

fn stopped() -> StoreError {
    StoreError::Broken("the writer has stopped".into())
}

/// The write connection, which is made again when it breaks.
struct Link {
    address: Address,
    client: Option<Client>,
    epoch: i64,
    limits: Vec<i64>,
    fence: Arc<Fence>,
}

impl Link {
    async fn send(&mut self, operations: &[&Operation]) -> Result<Vec<Outcome>, Fault> {
        let client = match self.client.take() {
            Some(client) if !client.is_closed() => client,
            _ => timeout(CONNECT_TIMEOUT * 2, self.address.connect())
                .await
                .map_err(|_| Fault::Timeout((CONNECT_TIMEOUT * 2).as_secs()))??,
        };
        let parameters = Parameters::new(self.epoch, &self.limits, operations);
        let typed = parameters.typed();
        let rows = timeout(BATCH_TIMEOUT, client.query_typed(WRITE, &typed)).await;
        drop(typed);
        // A connection that does not answer in time is closed, so that no later batch waits for it.
        let rows = rows.map_err(|_| Fault::Timeout(BATCH_TIMEOUT.as_secs()))?;
        self.client = Some(client);
        let outcomes = rows?.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        if outcomes.len() == operations.len() { Ok(outcomes) } else { Err(Fault::Row("number of outcomes")) }
    }
}

fn read(row: &Row) -> Result<Outcome, Fault> {
    let record = || -> Result<Bytes, Fault> { Ok(row.try_get::<_, Vec<u8>>(1)?.into()) };
    Ok(match row.try_get::<_, i32>(0)? {
        0 => Outcome::Done,
        1 => Outcome::Known { record: record()? },
        2 => Outcome::Mismatch,
        3 => Outcome::SameId { record: record()?, same_input: row.try_get(2)? },
        4 => Outcome::Conflict,
        5 => Outcome::NoDraft,
        6 => Outcome::BeyondLimit { bound: row.try_get(3)?, oldest: row.try_get(4)? },
        7 => Outcome::NoJob,
        8 => Outcome::TermOver,
        _ => return Err(Fault::Row("outcome")),
    })
}

async fn serve(mut link: Link, mut writes: mpsc::Receiver<QueuedWrite>, metrics: Metrics) {
    while let Some(first) = writes.recv().await {
        let mut batch = vec![first];
        let mut units = batch[0].units.num_permits();
        while batch.len() < MAX_BATCH_WRITES && units < MAX_BATCH_UNITS {
            let Ok(next) = writes.try_recv() else { break };
            units += next.units.num_permits();
            batch.push(next);
        }
        // Their callers have the answer that nothing is known, and must not be surprised later.
        batch.retain(|write| write.queued.elapsed() < WRITE_TIMEOUT);
        if !batch.is_empty() {
            run(&mut link, batch, &metrics).await;
        }
    }
}

/// Runs a batch. If the server refuses the data of one of several writes, each runs alone.
async fn run(link: &mut Link, batch: Vec<QueuedWrite>, metrics: &Metrics) {
    let sent = Instant::now();
    let operations: Vec<&Operation> = batch.iter().map(|write| &write.operation).collect();
    let outcomes = link.send(&operations).await;
    metrics.flush.observe(sent.elapsed().as_secs_f64());
    metrics.group.observe(batch.len() as f64);
    match outcomes {
        Ok(outcomes) => {
            for (write, outcome) in batch.into_iter().zip(outcomes) {
                respond(write, Ok(outcome));
            }
        }
        Err(fault) if fault.is_of_data() && batch.len() > 1 => {
            tracing::warn!(%fault, writes = batch.len(), "the server refused the data of a write");
            for write in batch {
                let outcome = link.send(&[&write.operation]).await;
                respond(
                    write,
                    outcome
                        .map(|outcomes| outcomes.into_iter().next().unwrap_or(Outcome::NoJob))
                        .map_err(StoreError::from),
                );
            }
        }
        Err(fault) => {
            if fault.is_fenced() {
                link.fence.close();
            } else {
                tracing::error!(%fault, writes = batch.len(), "a batch of writes failed");
            }
            let text = StoreError::from(fault).to_string();
            let cause = text.strip_prefix("the store failed: ").unwrap_or(&text);
            for write in batch {
                respond(write, Err(StoreError::Broken(cause.to_owned())));
            }
        }
    }
}

fn respond(write: QueuedWrite, outcome: Result<Outcome, StoreError>) {
    // The caller may have stopped waiting by now.
    let _ = write.answer.send(outcome);
}
