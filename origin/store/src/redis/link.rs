//! The connections to the server, and the bounds and deadlines of what is sent over them.
//!
//! Many scripts are in flight on one connection, so that the server flushes them together. Reads
//! have their own connection, so that a large payload does not delay a write.

use std::time::{Duration, Instant};

use cortex_domain::ports::StoreError;
use cortex_domain::share::Term;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, Cmd, RedisError, Script, Value};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::arguments::Arguments;
use super::reply::Reply;
use crate::fence::Fence;
use crate::metrics::Metrics;

/// How long a response may take.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a call may take in all, with the connection if it must be made again.
const CALL_TIMEOUT: Duration = Duration::from_secs(8);
/// How long one attempt to connect may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const MAX_RECONNECT_DELAY: Duration = Duration::from_secs(1);

/// Maximum number of waiting writes, and of waiting reads.
const MAX_WAITING: usize = 4096;
/// Maximum size of all waiting writes, in units of [`UNIT_BYTES`].
const MAX_UNITS: usize = 64 * 1024;
const UNIT_BYTES: usize = 1024;

/// The connections of one process that has the store.
pub(super) struct Link {
    writes: ConnectionManager,
    reads: ConnectionManager,
    writing: Semaphore,
    reading: Semaphore,
    units: Semaphore,
    server: String,
    epoch: u64,
    /// Names this process in what it announces.
    process: String,
    fence: Fence,
    pub(super) metrics: Metrics,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link")
            .field("server", &self.server)
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
}

impl Link {
    pub(super) fn new(
        server: String,
        epoch: u64,
        process: String,
        writes: ConnectionManager,
        reads: ConnectionManager,
    ) -> Self {
        Self {
            writes,
            reads,
            writing: Semaphore::new(MAX_WAITING),
            reading: Semaphore::new(MAX_WAITING),
            units: Semaphore::new(MAX_UNITS),
            server,
            epoch,
            process,
            fence: Fence::default(),
            metrics: Metrics::default(),
        }
    }

    pub(super) fn server(&self) -> &str {
        &self.server
    }

    /// Runs a script that writes, unless another process has opened the store. Returns the name of
    /// the outcome and the rest of the reply.
    pub(super) async fn write(
        &self,
        script: &Script,
        arguments: impl FnOnce(Arguments) -> Arguments,
    ) -> Result<(String, Reply), StoreError> {
        self.write_under(None, script, arguments).await
    }

    /// Runs a script that writes for a scheduler, unless its term is over.
    pub(super) async fn write_under(
        &self,
        term: Option<Term>,
        script: &Script,
        arguments: impl FnOnce(Arguments) -> Arguments,
    ) -> Result<(String, Reply), StoreError> {
        let arguments = arguments(Arguments::default().text(self.epoch).text(&self.process).term(term));
        let units = u32::try_from(arguments.size() / UNIT_BYTES + 1).unwrap_or(u32::MAX);
        let _waiting = acquire(&self.writing, 1)?;
        let _units = acquire(&self.units, units)?;
        let queued = Instant::now();
        let outcome = self.run(&self.writes, script, arguments).await;
        self.metrics.commit.observe(queued.elapsed().as_secs_f64());
        let (outcome, mut reply) = outcome?;
        if outcome == "FENCED" {
            return Err(if reply.bytes()?.is_empty() {
                StoreError::Broken(format!("the database at {} was emptied", self.server))
            } else {
                self.fence.close()
            });
        }
        if outcome == "TERM_OVER" {
            return Err(StoreError::TermOver);
        }
        Ok((outcome, reply))
    }

    /// Runs a script that only reads.
    pub(super) async fn read(&self, script: &Script, arguments: Arguments) -> Result<Reply, StoreError> {
        self.fence.check()?;
        let _waiting = acquire(&self.reading, 1)?;
        Ok(self.run(&self.reads, script, arguments).await?.1)
    }

    /// Sends a command that only reads.
    pub(super) async fn ask(&self, command: Cmd) -> Result<Value, StoreError> {
        self.fence.check()?;
        let _waiting = acquire(&self.reading, 1)?;
        let mut connection = self.reads.clone();
        self.within_deadline(command.query_async(&mut connection)).await
    }

    async fn run(
        &self,
        connection: &ConnectionManager,
        script: &Script,
        arguments: Arguments,
    ) -> Result<(String, Reply), StoreError> {
        let mut connection = connection.clone();
        let mut invocation = script.prepare_invoke();
        for value in arguments.into_values() {
            invocation.arg(value);
        }
        let mut reply = Reply::new(self.within_deadline(invocation.invoke_async(&mut connection)).await?)?;
        Ok((reply.text()?, reply))
    }

    async fn within_deadline(
        &self,
        call: impl Future<Output = Result<Value, RedisError>> + Send,
    ) -> Result<Value, StoreError> {
        match tokio::time::timeout(CALL_TIMEOUT, call).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(StoreError::Broken(format!("{}: {error}", self.server))),
            Err(_) => Err(StoreError::Broken(format!("{} does not respond", self.server))),
        }
    }
}

/// Connects, and connects again whenever the connection is lost.
pub(super) async fn connect(client: &Client) -> Result<ConnectionManager, RedisError> {
    let config = ConnectionManagerConfig::new()
        .set_response_timeout(Some(RESPONSE_TIMEOUT))
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_max_delay(MAX_RECONNECT_DELAY)
        .set_number_of_retries(1);
    ConnectionManager::new_with_config(client.clone(), config).await
}

fn acquire(bound: &Semaphore, permits: u32) -> Result<SemaphorePermit<'_>, StoreError> {
    bound.try_acquire_many(permits).map_err(|_| StoreError::Overloaded)
}
