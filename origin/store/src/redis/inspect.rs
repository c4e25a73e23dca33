//! Reads everything that a database holds, for a check. Other processes may use it meanwhile. Redis
//! has no snapshots, so each script compares what belongs together at one moment, and what takes
//! several scripts is read again before it is reported.

use std::collections::BTreeSet;

use cortex_domain::id::{JobId, Tenant};
use cortex_domain::job::Version;
use cortex_domain::ports::{Answer, Inspect, Sequence, StoreError};
use cortex_domain::state::StateName;
use cortex_domain::transition::OutboxMessage;
use cortex_domain::verify::{Finding, JobIndex, StoredJob};

use super::arguments::Arguments;
use super::link::Link;
use super::read::{self, read_state};
use super::reply::{Reply, unexpected};
use super::write::decode;
use super::{open, script};
use crate::server::{ServerError, ServerOptions};

/// Maximum number of jobs that one script reads with their logs.
const PAGE: usize = 64;
/// About how many keys one command looks at.
const SCAN: usize = 512;
/// Maximum number of jobs whose bytes one script adds, and of tenants that one command reads.
const MANY: usize = 1024;
/// Maximum number of findings beside those of jobs.
const MAX_FINDINGS: usize = 1000;

/// The indexes that the scripts name.
const INDEXES: [&str; 11] = [
    "jobs:state:<STATE>",
    "tenant:<tenant>:jobs",
    "tenant:<tenant>:jobs:<STATE>",
    "tenant:<tenant>:topic:<topic>",
    "tenant:<tenant>:topic:<topic>:<STATE>",
    "tenant:<tenant>:ended",
    "tenant:<tenant>:keys",
    "jobs:open",
    "drafts",
    "trace:<trace>",
    "tenants",
];

/// A store on a Redis server that is only read.
#[derive(Debug)]
pub struct RedisInspector {
    pub(super) link: Link,
}

impl RedisInspector {
    /// Opens the store without disturbing a process that uses it.
    ///
    /// # Errors
    /// Returns an error if the server can't be reached, or if it has no store of this schema and
    /// installation.
    pub async fn open(options: &ServerOptions) -> Result<Self, ServerError> {
        Ok(Self { link: open::existing(options).await? })
    }

    async fn jobs(&self, mut after: Option<JobId>, limit: usize) -> Result<Vec<StoredJob>, StoreError> {
        let mut jobs = Vec::new();
        while jobs.len() < limit {
            let (page, last) = page(&self.link, after, PAGE.min(limit - jobs.len())).await?;
            let Some(last) = last else { break };
            after = Some(last);
            jobs.extend(page.into_iter().map(|row| row.stored));
        }
        Ok(jobs)
    }

    async fn rest(&self) -> Result<Vec<Finding>, StoreError> {
        let mut findings = Findings::default();
        self.keys(&mut findings).await?;
        self.tenants(&mut findings).await?;
        self.messages(&mut findings).await?;
        Ok(findings.list)
    }

    /// Walks over all keys. Keys that exist during the whole walk are seen at least once.
    async fn keys(&self, findings: &mut Findings) -> Result<(), StoreError> {
        let mut cursor = 0;
        loop {
            let mut command = redis::cmd("SCAN");
            command.arg(cursor).arg("COUNT").arg(SCAN);
            let mut reply = Reply::new(self.link.ask(command).await?)?;
            cursor = reply.number()?;
            let keys = reply.list()?.rest(Reply::text)?;
            let plain: Vec<&String> = keys.iter().filter(|key| !is_index(key)).collect();
            let arguments = Arguments::default().rows(plain.into_iter(), Arguments::text);
            let found = self.link.read(&script::CHECK_KEYS, arguments).await?;
            findings.add(found.rest(|row| finding(row.list()?))?);
            for key in keys.iter().filter(|key| is_index(key)) {
                self.members(key, findings).await?;
            }
            if cursor == 0 {
                return Ok(());
            }
        }
    }

    /// Checks that an index lists only what belongs there.
    async fn members(&self, key: &str, findings: &mut Findings) -> Result<(), StoreError> {
        let kind = if key.starts_with("trace:") { "set" } else { "zset" };
        let mut cursor = "0".to_owned();
        loop {
            let arguments = Arguments::default().text(key).text(kind).text(cursor);
            let mut reply = self.link.read(&script::CHECK_MEMBERS, arguments).await?;
            cursor = reply.text()?;
            let strays = reply.rest(|member| {
                let member = member.text()?;
                let index = key.to_owned();
                Ok(match member.parse() {
                    Ok(job) => Finding::Stray { index, job },
                    Err(_) => Finding::Corrupt(format!(
                        "the index `{index}` lists `{member}`, which does not exist"
                    )),
                })
            });
            findings.add(strays?);
            if cursor == "0" {
                return Ok(());
            }
        }
    }

    async fn tenants(&self, findings: &mut Findings) -> Result<(), StoreError> {
        let mut after = "-".to_owned();
        loop {
            let mut command = redis::cmd("ZRANGE");
            command.arg(&["tenants", &after, "+", "BYLEX", "LIMIT", "0"]).arg(MANY);
            let tenants = Reply::new(self.link.ask(command).await?)?.rest(Reply::text)?;
            let Some(last) = tenants.last() else { return Ok(()) };
            after = format!("({last}");
            for name in &tenants {
                let tenant: Tenant = name.parse().map_err(|_| unexpected("tenant"))?;
                let states = |to: Arguments| {
                    to.rows(StateName::ALL.iter(), |to, state| {
                        to.text(state.as_str()).text(u8::from(state.is_terminal()))
                    })
                };
                let arguments = states(Arguments::default().text(name));
                let found = self.link.read(&script::CHECK_TENANT, arguments).await?;
                findings.add(found.rest(|row| count(&tenant, row.list()?))?);
                findings.add(self.bytes(&tenant).await?);
            }
        }
    }

    /// Adds the bytes of a tenant's jobs, and a second time if the sum is not what is counted.
    async fn bytes(&self, tenant: &Tenant) -> Result<Option<Finding>, StoreError> {
        let first = self.sum(tenant).await?;
        let Some((kept, found)) = first.filter(|(kept, found)| kept != found) else { return Ok(None) };
        let again = self.sum(tenant).await?;
        let is_real = again == Some((kept, found));
        Ok(is_real.then(|| Finding::Count { tenant: tenant.clone(), of: "bytes", kept, found }))
    }

    /// Returns what is counted and what the jobs have, or nothing if the count changed meanwhile.
    async fn sum(&self, tenant: &Tenant) -> Result<Option<(u64, u64)>, StoreError> {
        let (mut after, mut sum, mut first) = ("-".to_owned(), 0, None);
        loop {
            let arguments = Arguments::default().text(tenant).text(after).text(MANY);
            let mut reply = self.link.read(&script::SUM_BYTES, arguments).await?;
            let kept = reply.number()?;
            sum += reply.number()?;
            let last = reply.text()?;
            let kept_first = *first.get_or_insert(kept);
            if kept != kept_first {
                return Ok(None);
            }
            if last.is_empty() {
                return Ok(Some((kept, sum)));
            }
            after = format!("({last}");
        }
    }

    async fn messages(&self, findings: &mut Findings) -> Result<(), StoreError> {
        let mut after = Sequence(0);
        loop {
            let page = read::outbox(&self.link, after, MANY).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.sequence;
            let job = |message: &OutboxMessage| {
                let (OutboxMessage::Submit { job, .. } | OutboxMessage::Abort { job, .. }) = message;
                *job
            };
            let arguments =
                Arguments::default().rows(page.iter(), |to, outbound| to.text(job(&outbound.message)));
            let missing = self.link.read(&script::MISSING_JOBS, arguments).await?.rest(Reply::text)?;
            let missing: BTreeSet<String> = missing.into_iter().collect();
            for outbound in page {
                let (sequence, job) = (outbound.sequence, job(&outbound.message));
                if missing.contains(&job.to_string()) && self.waits(sequence).await? {
                    findings.add([Finding::MessageWithoutJob { sequence: sequence.0, job }]);
                }
            }
        }
    }

    /// Returns whether a message has not been relayed meanwhile.
    async fn waits(&self, sequence: Sequence) -> Result<bool, StoreError> {
        let before = Sequence(sequence.0.saturating_sub(1));
        let next = read::outbox(&self.link, before, 1).await?;
        Ok(next.first().is_some_and(|next| next.sequence == sequence))
    }
}

impl Inspect for RedisInspector {
    fn inspect(&self, after: Option<JobId>, limit: usize) -> Answer<'_, Result<Vec<StoredJob>, StoreError>> {
        Box::pin(self.jobs(after, limit))
    }

    fn inspect_rest(&self) -> Answer<'_, Result<Vec<Finding>, StoreError>> {
        Box::pin(self.rest())
    }
}

/// Findings, each once, because a walk may see a key twice.
#[derive(Debug, Default)]
struct Findings {
    list: Vec<Finding>,
    seen: BTreeSet<String>,
}

impl Findings {
    fn add(&mut self, findings: impl IntoIterator<Item = Finding>) {
        for finding in findings {
            if self.list.len() < MAX_FINDINGS && self.seen.insert(finding.to_string()) {
                self.list.push(finding);
            }
        }
    }
}

/// A job with what only a copy needs.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) stored: StoredJob,
    pub(super) kept_until: u64,
    pub(super) bytes: u64,
}

/// Returns some jobs after an id, and the last id that was looked at.
pub(super) async fn page(
    link: &Link,
    after: Option<JobId>,
    limit: usize,
) -> Result<(Vec<Row>, Option<JobId>), StoreError> {
    let from = after.map_or_else(|| "-".to_owned(), |id| format!("({id}"));
    let arguments = Arguments::default()
        .text(from)
        .text(limit)
        .rows(StateName::ALL.iter(), |to, state| to.text(state.as_str()));
    let mut reply = link.read(&script::INSPECT, arguments).await?;
    let last = reply.text()?;
    let last = (!last.is_empty()).then(|| last.parse().map_err(|_| unexpected("job id"))).transpose()?;
    Ok((reply.rest(|row| row.list().and_then(read_row))?, last))
}

fn read_row(mut row: Reply) -> Result<Row, StoreError> {
    let job = decode(&row.bytes()?)?;
    let index = JobIndex {
        tenant: row.text()?.parse().map_err(|_| unexpected("tenant"))?,
        topic: row.text()?.parse().map_err(|_| unexpected("topic"))?,
        state: read_state(&row.text()?)?,
        version: Version(row.number()?),
        open: row.text()? == "1",
        dispatch: match row.text()?.as_str() {
            "" => None,
            text => Some(text.parse().map_err(|_| unexpected("dispatch"))?),
        },
    };
    let (kept_until, bytes) = (row.number()?, row.number()?);
    let (has_input, has_result) = (row.number()? == 1, row.number()? == 1);
    let mut log = Vec::new();
    for batch in row.list()?.rest(Reply::bytes)? {
        let batch = cortex_wire::decode_log(&batch);
        log.extend(batch.map_err(|error| StoreError::Corrupt(error.to_string()))?);
    }
    let unlisted = row.list()?.rest(|name| known(&name.text()?))?;
    Ok(Row { stored: StoredJob { job, index, unlisted, log, has_input, has_result }, kept_until, bytes })
}

/// Returns the finding of a script.
fn finding(mut row: Reply) -> Result<Finding, StoreError> {
    let kind = row.text()?;
    let id = |text: String| text.parse::<JobId>().map_err(|_| unexpected("job id"));
    match kind.as_str() {
        "KEY" => {
            let tenant = row.text()?.parse().map_err(|_| unexpected("tenant"))?;
            Ok(Finding::KeyWithoutJob { tenant, job: id(row.text()?)? })
        }
        "UNLISTED" => Ok(Finding::Index { job: id(row.text()?)?, index: known(&row.text()?)? }),
        _ => {
            let job = id(row.text()?)?;
            let of = match row.text()?.as_str() {
                "log" => "log",
                "input" => "input",
                _ => "result",
            };
            Ok(Finding::Orphan { job, of })
        }
    }
}

fn count(tenant: &Tenant, mut row: Reply) -> Result<Finding, StoreError> {
    let name = row.text()?;
    let of = match name.as_str() {
        "jobs" => "jobs",
        "open jobs" => "open jobs",
        "idempotency keys" => "idempotency keys",
        "audit entries" => "audit entries",
        state => read_state(state)?.as_str(),
    };
    Ok(Finding::Count { tenant: tenant.clone(), of, kept: row.number()?, found: row.number()? })
}

fn known(name: &str) -> Result<&'static str, StoreError> {
    INDEXES.into_iter().find(|index| *index == name).ok_or_else(|| unexpected("index"))
}

/// Returns whether a key is an index whose members are jobs or idempotency keys.
fn is_index(key: &str) -> bool {
    let lists = key.starts_with("jobs:") && key != "jobs:counts";
    let of_tenant = key.starts_with("tenant:") && !key.ends_with(":audit");
    lists || of_tenant || key.starts_with("trace:")
}
