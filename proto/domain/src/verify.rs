//! Checks that everything a store holds agrees with itself.

use std::fmt;

use crate::event::Entry;
use crate::id::{DispatchId, JobId, Tenant};
use crate::job::{Durability, Job, Version};
use crate::state::StateName;
use crate::topic::Topic;
use crate::transition::{apply, first_entry};

/// Everything a store holds about one job.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredJob {
    pub job: Job,
    pub index: JobIndex,
    /// The further indices that do not list the job as they should.
    pub unlisted: Vec<&'static str>,
    /// The whole log.
    pub log: Vec<Entry>,
    pub has_input: bool,
    pub has_result: bool,
}

/// What the indices of a store say about a job.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JobIndex {
    pub tenant: Tenant,
    pub topic: Topic,
    pub state: StateName,
    pub version: Version,
    /// Whether the job is durable and has not ended.
    pub open: bool,
    /// The dispatch of the current lease.
    pub dispatch: Option<DispatchId>,
}

impl JobIndex {
    /// Returns what the indices must say about a job.
    #[must_use]
    pub fn of(job: &Job) -> Self {
        Self {
            tenant: job.tenant().clone(),
            topic: job.topic().clone(),
            state: job.state.name(),
            version: job.version,
            open: job.durability == Durability::Durable && !job.state.is_terminal(),
            dispatch: job.state.lease().map(|lease| lease.dispatch),
        }
    }

    /// Returns the name of the first index that differs.
    fn difference(&self, other: &Self) -> Option<&'static str> {
        [
            (self.tenant != other.tenant, "tenant"),
            (self.topic != other.topic, "topic"),
            (self.state != other.state, "state"),
            (self.version != other.version, "version"),
            (self.open != other.open, "open jobs"),
            (self.dispatch != other.dispatch, "dispatch"),
        ]
        .into_iter()
        .find_map(|(differs, name)| differs.then_some(name))
    }
}

/// Something in a store that does not agree with the rest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Finding {
    /// The job's log does not begin with its acceptance.
    NoAcceptance(JobId),
    /// An entry of the job's log does not follow from the entries before it.
    IllegalEntry { job: JobId, version: Version },
    /// The job's log does not lead to its record.
    OtherRecord(JobId),
    /// An index says something else than the job's record.
    Index { job: JobId, index: &'static str },
    /// An index lists a job that does not belong there.
    Stray { index: String, job: JobId },
    /// An open job has no input.
    NoInput(JobId),
    /// A durable job that succeeded has no result.
    NoResult(JobId),
    /// A tenant's count differs from what it has.
    Count { tenant: Tenant, of: &'static str, kept: u64, found: u64 },
    /// An idempotency key names a job that does not exist.
    KeyWithoutJob { tenant: Tenant, job: JobId },
    /// A log or a payload belongs to no job.
    Orphan { job: JobId, of: &'static str },
    /// A message of the outbox names a job that does not exist.
    MessageWithoutJob { sequence: u64, job: JobId },
    /// The store can't read something that it holds.
    Corrupt(String),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAcceptance(job) => write!(f, "the log of job {job} does not begin with its acceptance"),
            Self::IllegalEntry { job, version } => {
                write!(
                    f,
                    "entry {} of the log of job {job} does not follow from the entries before it",
                    version.0
                )
            }
            Self::OtherRecord(job) => write!(f, "the log of job {job} does not lead to its record"),
            Self::Index { job, index } => {
                write!(f, "the index `{index}` differs from the record of job {job}")
            }
            Self::Stray { index, job } => {
                write!(f, "the index `{index}` lists job {job}, which does not belong there")
            }
            Self::NoInput(job) => write!(f, "the open job {job} has no input"),
            Self::NoResult(job) => write!(f, "job {job} succeeded but has no result"),
            Self::Count { tenant, of, kept, found } => {
                write!(f, "tenant {tenant} has {found} {of}, but {kept} are counted")
            }
            Self::KeyWithoutJob { tenant, job } => {
                write!(f, "an idempotency key of tenant {tenant} names job {job}, which does not exist")
            }
            Self::Orphan { job, of } => write!(f, "the {of} of job {job} has no job"),
            Self::MessageWithoutJob { sequence, job } => {
                write!(f, "message {sequence} of the outbox names job {job}, which does not exist")
            }
            Self::Corrupt(what) => write!(f, "the store holds corrupt data: {what}"),
        }
    }
}

/// Checks one job: its log leads to its record, its indices match, and its payloads are there.
#[must_use]
pub fn check_job(stored: &StoredJob) -> Vec<Finding> {
    let job = &stored.job;
    let id = job.id();
    let mut findings = Vec::new();
    findings.extend(check_log(job, &stored.log));
    let expected = JobIndex::of(job);
    let unlisted = stored.unlisted.iter().copied();
    let wrong = stored.index.difference(&expected).into_iter().chain(unlisted);
    findings.extend(wrong.map(|index| Finding::Index { job: id, index }));
    if expected.open && !stored.has_input {
        findings.push(Finding::NoInput(id));
    }
    let succeeded = job.state.name() == StateName::Succeeded && job.durability == Durability::Durable;
    if succeeded && !stored.has_result {
        findings.push(Finding::NoResult(id));
    }
    findings
}

/// Folds a log, and compares the result with the record.
fn check_log(job: &Job, log: &[Entry]) -> Option<Finding> {
    let id = job.id();
    let mut folded = Job::accepted(job.request.clone(), job.durability, job.memory);
    let Some((_, later)) = log.split_first().filter(|(first, _)| **first == first_entry(&folded)) else {
        return Some(Finding::NoAcceptance(id));
    };
    for entry in later {
        let illegal = Finding::IllegalEntry { job: id, version: entry.version };
        let Ok((next, _)) = apply(folded, &entry.event, entry.at) else { return Some(illegal) };
        if (next.version, next.attempt, next.state.name()) != (entry.version, entry.attempt, entry.state) {
            return Some(illegal);
        }
        folded = next;
    }
    (folded != *job).then_some(Finding::OtherRecord(id))
}

#[cfg(test)]
mod tests;
