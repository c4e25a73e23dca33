//! Reads a whole database for a copy to another store.

use bytes::Bytes;
use cortex_domain::id::JobId;
use cortex_domain::pointer::{Memory, Pointer};
use cortex_domain::ports::{Answer, Audited, JobCount, JobStep, Outbound, Sequence, StoreError};
use cortex_domain::time::Timestamp;
use redis::Value;

use super::inspect::{self, RedisInspector, Row};
use super::link::Link;
use super::read;
use super::reply::Reply;
use crate::copy::{CopiedJob, Cursor, Export, Numbers};

/// Maximum number of jobs in a page, whose payloads are in memory together.
const JOBS: usize = 16;
const ROWS: usize = 1024;

impl Export for RedisInspector {
    fn jobs(&self, mut after: Option<JobId>) -> Answer<'_, Result<Vec<CopiedJob>, StoreError>> {
        Box::pin(async move {
            loop {
                let (rows, last) = inspect::page(&self.link, after, JOBS).await?;
                if rows.is_empty() && last.is_some() {
                    after = last;
                    continue;
                }
                return futures::future::try_join_all(rows.into_iter().map(|row| whole(&self.link, row)))
                    .await;
            }
        })
    }

    fn steps(&self, after: Sequence) -> Answer<'_, Result<Vec<JobStep>, StoreError>> {
        Box::pin(read::steps(&self.link, after, ROWS))
    }

    fn messages(&self, after: Sequence) -> Answer<'_, Result<Vec<Outbound>, StoreError>> {
        Box::pin(read::outbox(&self.link, after, ROWS))
    }

    fn entries(&self, after: Sequence) -> Answer<'_, Result<Vec<Audited>, StoreError>> {
        Box::pin(read::audit(&self.link, after, ROWS))
    }

    fn cursors(&self) -> Answer<'_, Result<Vec<Cursor>, StoreError>> {
        Box::pin(async move {
            let mut command = redis::cmd("HGETALL");
            command.arg("cursors");
            Reply::new(self.link.ask(command).await?)?
                .rest(|pair| Ok(Cursor { name: pair.text()?, position: Sequence(pair.number()?) }))
        })
    }

    fn numbers(&self) -> Answer<'_, Result<Numbers, StoreError>> {
        Box::pin(async move {
            let newest = |name| read::position(&self.link, "cortex:sequences", name);
            Ok(Numbers {
                step: newest("step").await?,
                message: newest("message").await?,
                entry: newest("audit").await?,
            })
        })
    }

    fn counts(&self) -> Answer<'_, Result<Vec<JobCount>, StoreError>> {
        Box::pin(read::counts(&self.link))
    }
}

/// Reads the payloads of a job.
async fn whole(link: &Link, row: Row) -> Result<CopiedJob, StoreError> {
    let job = row.stored.job;
    let id = job.id();
    let input = read::payload(link, Pointer::context(Memory::Redis, id)).await?;
    let result = read::payload(link, Pointer::result(Memory::Redis, id)).await?;
    let draft: Option<Bytes> = match job.state.lease() {
        Some(lease) => read::payload(link, Pointer::draft(Memory::Redis, id, lease.dispatch)).await?,
        None => None,
    };
    let holds_key = match &job.request.idempotency {
        Some(given) => {
            let mut command = redis::cmd("HGET");
            command.arg(format!("key:{}:{}", job.tenant(), given.key.as_str())).arg("job");
            match link.ask(command).await? {
                Value::Nil => false,
                holder => super::reply::bytes(holder)? == id.to_string().into_bytes(),
            }
        }
        None => false,
    };
    let kept_until = Timestamp::from_millis(row.kept_until);
    Ok(CopiedJob { log: row.stored.log, bytes: row.bytes, kept_until, input, result, draft, holds_key, job })
}
