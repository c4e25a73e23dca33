//! What each write of the store sends, and what its outcome means.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use cortex_domain::audit::AuditEvent;
use cortex_domain::event::Entry;
use cortex_domain::flow::Submission;
use cortex_domain::job::{Durability, Job, Request};
use cortex_domain::pointer::{Memory, Pointer, Space};
use cortex_domain::ports::{Acceptance, CommitError, Sequence, StoreError};
use cortex_domain::retention::{Bound, Retention, RetentionExceeded};
use cortex_domain::share::Term;
use cortex_domain::time::Timestamp;
use cortex_domain::transition::{Change, Effect, OutboxMessage, first_entry};

use super::fault::Fault;
use super::operation::{Entries, Kind, Operation, Step};
use super::writer::{Outcome, Writer};
use crate::record::{JOB_OVERHEAD_BYTES, is_open};

/// Maximum number of relayed messages in one write.
const RELAYED_BATCH: usize = 512;

pub(super) async fn accept(
    writer: &Writer,
    submission: Submission,
    retention: &Retention,
) -> Result<Acceptance, StoreError> {
    let Submission { request, input } = submission;
    let job = Job::accepted(request, Durability::Durable, Memory::Local);
    let first = [first_entry(&job)];
    let now = job.request.created_at;
    let kept_until = job.request.idempotency.as_ref().map_or(now, |_| now.after(retention.keys));
    let mut operation = Operation {
        kind: Kind::Accept,
        steps: steps(&first),
        messages: vec![cortex_wire::encode_message(&OutboxMessage::submit(&job))],
        name: job.request.idempotency.as_ref().map(|idempotency| idempotency.key.as_str().to_owned()),
        fingerprint: job.request.idempotency.as_ref().map(|idempotency| idempotency.fingerprint.0),
        ..of_job(&job, &first)
    };
    operation.size += size(input.len());
    operation.kept_until = millis(kept_until);
    operation.body = Some(input.into());
    match writer.write(operation).await? {
        Outcome::Done => Ok(Acceptance::New(job)),
        Outcome::Known { record } => Ok(Acceptance::Known(decode(&record)?)),
        Outcome::SameId { record, same_input } => {
            let known = decode(&record)?;
            let same = is_same(&known.request, &job.request, same_input);
            Ok(if same { Acceptance::Known(known) } else { Acceptance::Mismatch })
        }
        Outcome::Mismatch => Ok(Acceptance::Mismatch),
        Outcome::BeyondLimit { bound, oldest } => {
            Err(StoreError::RetentionExceeded(exceeded(bound, oldest, retention, now)?))
        }
        Outcome::NoJob | Outcome::Conflict | Outcome::NoDraft | Outcome::TermOver => {
            Err(Fault::Row("job for an idempotency key").into())
        }
    }
}

/// Returns whether a job was made by the same request. A job of another tenant never was.
fn is_same(known: &Request, given: &Request, same_input: bool) -> bool {
    known.owner.tenant == given.owner.tenant
        && known.topic == given.topic
        && match (&known.idempotency, &given.idempotency) {
            (Some(known), Some(given)) => known == given,
            (None, None) => same_input,
            _ => false,
        }
}

/// Commits a change of a job that is in the store.
pub(super) async fn commit(writer: &Writer, change: Change) -> Result<Job, CommitError> {
    let job = change.job();
    let mut operation = Operation {
        kind: Kind::Commit,
        expected: change.expected().0.cast_signed(),
        steps: steps(change.entries()),
        entries: audit(&change),
        term: change.term(),
        ..of_job(job, change.entries())
    };
    for effect in change.effects() {
        match effect {
            Effect::Send(message) => operation.messages.push(cortex_wire::encode_message(message)),
            Effect::Publish { draft, .. } => operation.place = Some(key(*draft)?.1),
            Effect::Audit(_) => {}
        }
    }
    match writer.write(operation).await? {
        Outcome::Done => Ok(change.into_job()),
        Outcome::NoDraft => Err(CommitError::NoDraft),
        _ => Err(CommitError::Conflict),
    }
}

/// Makes a job durable whose input is already in the store. If the tenant has reached a limit,
/// deletes the input and returns the limit.
pub(super) async fn persist(
    writer: &Writer,
    history: Change,
    retention: &Retention,
) -> Result<Job, CommitError> {
    let (job, log) = (history.job(), history.entries());
    let operation = Operation {
        kind: Kind::Persist,
        steps: steps(log),
        entries: audit(&history),
        term: history.term(),
        ..of_job(job, log)
    };
    let now = job.updated_at;
    match writer.write(operation).await? {
        Outcome::Done => Ok(history.into_job()),
        Outcome::BeyondLimit { bound, oldest } => {
            let exceeded = exceeded(bound, oldest, retention, now).map_err(StoreError::from)?;
            Err(StoreError::RetentionExceeded(exceeded).into())
        }
        _ => Err(CommitError::Conflict),
    }
}

/// Records a job that has ended. Skips the job if its tenant has reached a limit or another job has
/// its id.
pub(super) async fn record(writer: &Writer, history: Change) -> Result<(), StoreError> {
    let job = history.job();
    let operation = Operation {
        kind: Kind::Record,
        entries: audit(&history),
        term: history.term(),
        ..of_job(job, history.entries())
    };
    match writer.write(operation).await? {
        Outcome::Conflict => {
            tracing::warn!(job = %job.id(), "a call was not recorded because another job has its id");
        }
        Outcome::BeyondLimit { .. } => {
            tracing::debug!(job = %job.id(), "a call was not recorded because its tenant has reached a limit");
        }
        _ => {}
    }
    Ok(())
}

pub(super) async fn append(
    writer: &Writer,
    entries: &[AuditEvent],
    term: Option<Term>,
) -> Result<(), StoreError> {
    let operation = Operation { entries: by_tenant(entries.iter()), term, ..Operation::default() };
    writer.write(operation).await.map(drop)
}

pub(super) async fn relayed(writer: &Writer, sequences: &[Sequence]) -> Result<(), StoreError> {
    for some in sequences.chunks(RELAYED_BATCH) {
        let relayed = some.iter().map(|sequence| sequence.0.cast_signed()).collect();
        writer.write(Operation { relayed, ..Operation::default() }).await?;
    }
    Ok(())
}

pub(super) async fn set_cursor(writer: &Writer, name: &str, to: Sequence) -> Result<(), StoreError> {
    let operation = Operation {
        kind: Kind::SetCursor,
        name: Some(name.to_owned()),
        version: to.0.cast_signed(),
        ..Operation::default()
    };
    writer.write(operation).await.map(drop)
}

/// Writes a payload of a client. A result can't be written this way, because the change that ends
/// its job publishes it.
pub(super) async fn put(writer: &Writer, pointer: Pointer, body: Bytes) -> Result<(), StoreError> {
    if let Space::Result(_) = pointer.space {
        return Err(StoreError::Broken(format!(
            "{pointer} is a result, which only the change that ends its job can write"
        )));
    }
    let (space, place) = key(pointer)?;
    let operation = Operation {
        kind: Kind::Put,
        id: Some(*pointer.space.job().as_bytes()),
        space,
        place: Some(place),
        body: Some(body),
        ..Operation::default()
    };
    writer.write(operation).await.map(drop)
}

/// Returns the space's number and the dispatch, which is empty except for drafts.
pub(super) fn key(pointer: Pointer) -> Result<(i32, Vec<u8>), StoreError> {
    // A pointer has the same shape in every store that has its payloads in its own tables.
    if pointer.memory != Memory::Local {
        return Err(StoreError::Broken(format!("{pointer} does not point into this store")));
    }
    Ok(match pointer.space {
        Space::Context(_) => (1, Vec::new()),
        Space::Result(_) => (2, Vec::new()),
        Space::Draft(_, dispatch) => (3, dispatch.as_bytes().to_vec()),
    })
}

/// Returns the row of a job with the entries of its log that are written with it.
fn of_job(job: &Job, log: &[Entry]) -> Operation {
    let record = cortex_wire::encode_job(job);
    Operation {
        tenant: Some(job.tenant().clone()),
        id: Some(*job.id().as_bytes()),
        topic: Some(job.topic().as_str().to_owned()),
        state: i32::from(job.state.name().code()),
        version: job.version.0.cast_signed(),
        open: is_open(job),
        dispatch: job.state.lease().map(|lease| *lease.dispatch.as_bytes()),
        created_at: millis(job.request.created_at),
        updated_at: millis(job.updated_at),
        kept_until: millis(job.updated_at),
        size: JOB_OVERHEAD_BYTES.cast_signed() + size(record.len()),
        record: Some(record),
        log: (!log.is_empty()).then(|| cortex_wire::encode_log(log)),
        ..Operation::default()
    }
}

fn steps(entries: &[Entry]) -> Vec<Step> {
    let step = |entry: &Entry| Step {
        version: entry.version.0.cast_signed(),
        attempt: entry.attempt.0.cast_signed(),
        state: i32::from(entry.state.code()),
        at: millis(entry.at),
    };
    entries.iter().map(step).collect()
}

fn audit(change: &Change) -> Vec<Entries> {
    by_tenant(change.effects().iter().filter_map(|effect| match effect {
        Effect::Audit(entry) => Some(&**entry),
        _ => None,
    }))
}

fn by_tenant<'a>(events: impl Iterator<Item = &'a AuditEvent>) -> Vec<Entries> {
    let mut of_tenants: BTreeMap<&str, Vec<&AuditEvent>> = BTreeMap::new();
    for event in events {
        of_tenants.entry(event.tenant.as_str()).or_default().push(event);
    }
    let entries = |(tenant, events): (&str, Vec<&AuditEvent>)| Entries {
        tenant: tenant.to_owned(),
        count: size(events.len()),
        at: events.last().map_or(0, |last| millis(last.at)),
        batch: cortex_wire::encode_audit_batch(events),
    };
    of_tenants.into_iter().map(entries).collect()
}

fn decode(record: &[u8]) -> Result<Job, Fault> {
    Ok(cortex_wire::decode_job(record)?)
}

fn exceeded(
    bound: i32,
    oldest: Option<i64>,
    retention: &Retention,
    now: Timestamp,
) -> Result<RetentionExceeded, Fault> {
    let (bound, most, kept) = match bound {
        1 => (Bound::OpenJobs, retention.open_jobs, Duration::ZERO),
        2 => (Bound::Jobs, retention.jobs(), retention.keys),
        3 => (Bound::Bytes, retention.bytes, retention.ended),
        4 => (Bound::Keys, retention.tenant_keys, retention.keys),
        _ => return Err(Fault::Row("limit")),
    };
    let again = oldest.map(|at| {
        let wait = Timestamp::from_millis(at.cast_unsigned()).after(kept).since(now);
        wait.max(Duration::from_secs(1))
    });
    Ok(RetentionExceeded { bound, most, again })
}

pub(super) fn millis(at: Timestamp) -> i64 {
    at.as_millis().cast_signed()
}

pub(super) fn size(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
