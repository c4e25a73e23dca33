//! Reads jobs, streams and payloads.

use bytes::Bytes;
use cortex_domain::event::Entry;
use cortex_domain::id::JobId;
use cortex_domain::job::{Job, Version};
use cortex_domain::pointer::Pointer;
use cortex_domain::ports::{Audited, JobCount, JobStep, Outbound, Query, Sequence, StoreError};
use cortex_domain::state::{Attempt, StateName};
use cortex_domain::time::Timestamp;
use redis::{Cmd, Value, cmd};

use super::arguments::Arguments;
use super::link::Link;
use super::reply::{self, Reply, unexpected};
use super::write::decode;
use super::{keys, script};

/// Maximum number of jobs that one script reads, so that it does not delay others.
const PAGE: usize = 128;
/// Maximum number of entries of a stream that one command reads, so that it does not delay others.
const MAX_ENTRIES: usize = 1024;

pub(super) async fn job(link: &Link, id: JobId) -> Result<Option<Job>, StoreError> {
    match link.ask(command("HGET", [format!("job:{id}"), "record".into()])).await? {
        Value::Nil => Ok(None),
        record => decode(&reply::bytes(record)?).map(Some),
    }
}

pub(super) async fn list(link: &Link, query: &Query) -> Result<Vec<Job>, StoreError> {
    pages(link, &keys::index(query), "newest", query.before, query.limit).await
}

pub(super) async fn open(link: &Link, after: Option<JobId>, limit: usize) -> Result<Vec<Job>, StoreError> {
    pages(link, keys::OPEN_JOBS, "oldest", after, limit).await
}

/// Reads the jobs of an index that come after an id in this order.
async fn pages(
    link: &Link,
    index: &str,
    order: &str,
    mut after: Option<JobId>,
    limit: usize,
) -> Result<Vec<Job>, StoreError> {
    let first = if order == "newest" { "+" } else { "-" };
    let mut jobs: Vec<Job> = Vec::new();
    while jobs.len() < limit {
        let most = PAGE.min(limit - jobs.len());
        let from = after.map_or_else(|| first.to_owned(), |id| format!("({id}"));
        let arguments = Arguments::default().text(index).text(from).text(order).text(most);
        let page = link.read(&script::LIST, arguments).await?.rest(|item| decode(&item.bytes()?))?;
        let is_last = page.len() < most;
        after = page.last().map(Job::id);
        jobs.extend(page);
        if is_last {
            break;
        }
    }
    Ok(jobs)
}

pub(super) async fn log(link: &Link, id: JobId, after: Version) -> Result<Vec<Entry>, StoreError> {
    let batches = link.ask(command("LRANGE", [format!("log:{id}"), "0".into(), "-1".into()])).await?;
    let batches = Reply::new(batches)?.rest(Reply::bytes)?;
    let mut entries = Vec::new();
    for batch in batches {
        let batch =
            cortex_wire::decode_log(&batch).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        entries.extend(batch.into_iter().filter(|entry| entry.version > after));
    }
    Ok(entries)
}

pub(super) async fn counts(link: &Link) -> Result<Vec<JobCount>, StoreError> {
    Reply::new(link.ask(command("HGETALL", ["jobs:counts"])).await?)?.rest(|pair| {
        let name = pair.text()?;
        let (tenant, state) = name.split_once(':').ok_or_else(|| unexpected("count"))?;
        Ok(JobCount {
            tenant: tenant.parse().map_err(|_| unexpected("tenant"))?,
            state: read_state(state)?,
            jobs: pair.number()?,
        })
    })
}

pub(super) fn read_state(text: &str) -> Result<StateName, StoreError> {
    StateName::ALL.iter().copied().find(|state| state.as_str() == text).ok_or_else(|| unexpected("state"))
}

/// Reads the entries of a stream after a position, page by page.
async fn stream<T>(
    link: &Link,
    name: &str,
    mut after: Sequence,
    limit: usize,
    mut read: impl FnMut(Sequence, Reply) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut found = Vec::new();
    while found.len() < limit {
        let most = MAX_ENTRIES.min(limit - found.len());
        let range = [name.into(), format!("({}-0", after.0), "+".into(), "COUNT".into(), most.to_string()];
        let page = Reply::new(link.ask(command("XRANGE", range)).await?)?.rest(|reply| {
            let (number, values) = reply.entry()?;
            after = Sequence(number);
            read(after, values)
        })?;
        let is_last = page.len() < most;
        found.extend(page);
        if is_last {
            break;
        }
    }
    Ok(found)
}

pub(super) async fn outbox(link: &Link, after: Sequence, limit: usize) -> Result<Vec<Outbound>, StoreError> {
    stream(link, "outbox", after, limit, |sequence, mut values| {
        let message = cortex_wire::decode_message(&values.bytes()?);
        Ok(Outbound { sequence, message: message.map_err(|error| StoreError::Corrupt(error.to_string()))? })
    })
    .await
}

pub(super) async fn steps(link: &Link, after: Sequence, limit: usize) -> Result<Vec<JobStep>, StoreError> {
    stream(link, "steps", after, limit, |sequence, mut values| {
        Ok(JobStep {
            sequence,
            job: values.text()?.parse().map_err(|_| unexpected("job id"))?,
            tenant: values.text()?.parse().map_err(|_| unexpected("tenant"))?,
            version: Version(values.number()?),
            attempt: Attempt(u32::try_from(values.number()?).map_err(|_| unexpected("attempt"))?),
            state: read_state(&values.text()?)?,
            at: Timestamp::from_millis(values.number()?),
        })
    })
    .await
}

pub(super) async fn audit(link: &Link, after: Sequence, limit: usize) -> Result<Vec<Audited>, StoreError> {
    stream(link, "audit", after, limit, |sequence, mut values| {
        let (_tenant, _at) = (values.text()?, values.number()?);
        let entries = cortex_wire::decode_audit_batch(&values.bytes()?)
            .map_err(|error| StoreError::Corrupt(error.to_string()))?;
        let entry = entries.into_iter().next().ok_or_else(|| unexpected("audit entry"))?;
        Ok(Audited { sequence, entry })
    })
    .await
}

pub(super) async fn newest_step(link: &Link) -> Result<Sequence, StoreError> {
    position(link, "cortex:sequences", "step").await
}

pub(super) async fn cursor(link: &Link, name: &str) -> Result<Sequence, StoreError> {
    position(link, "cursors", name).await
}

pub(super) async fn position(link: &Link, key: &str, name: &str) -> Result<Sequence, StoreError> {
    match link.ask(command("HGET", [key, name])).await? {
        Value::Nil => Ok(Sequence(0)),
        found => Reply::new(Value::Array(vec![found]))?.number().map(Sequence),
    }
}

pub(super) async fn payload(link: &Link, pointer: Pointer) -> Result<Option<Bytes>, StoreError> {
    match link.ask(command("GET", [keys::payload(pointer)?])).await? {
        Value::Nil => Ok(None),
        body => reply::bytes(body).map(|body| Some(body.into())),
    }
}

fn command<A: redis::ToRedisArgs, const N: usize>(name: &str, arguments: [A; N]) -> Cmd {
    let mut command = cmd(name);
    for argument in arguments {
        command.arg(argument);
    }
    command
}
