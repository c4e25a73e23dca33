//! Writes jobs: what each script takes, and what its outcome means.

use std::time::Duration;

use cortex_domain::audit::AuditEvent;
use cortex_domain::flow::Submission;
use cortex_domain::job::{Durability, Job, Request};
use cortex_domain::pointer::{Memory, Pointer, Space};
use cortex_domain::ports::{Acceptance, CommitError, StoreError};
use cortex_domain::retention::{Bound, Retention, RetentionExceeded};
use cortex_domain::time::Timestamp;
use cortex_domain::transition::{Change, Effect, OutboxMessage, first_entry};

use super::link::Link;
use super::reply::{Reply, unexpected};
use super::{keys, script};

pub(super) async fn accept(
    link: &Link,
    submission: Submission,
    retention: &Retention,
) -> Result<Acceptance, StoreError> {
    let Submission { request, input } = submission;
    let job = Job::accepted(request, Durability::Durable, Memory::Redis);
    let first = [first_entry(&job)];
    let created_at = job.request.created_at;
    let idempotency = job.request.idempotency.as_ref();
    let kept_until = idempotency.map_or(created_at, |_| created_at.after(retention.keys));
    let claimed_after = created_at.as_millis().saturating_sub(millis(retention.keys));
    let message = OutboxMessage::submit(&job);
    let (outcome, mut reply) = link
        .write(&script::ACCEPT, |to| {
            to.new_job(&job, &first, input.len(), kept_until)
                .value(input)
                .text(idempotency.map_or("", |given| given.key.as_str()))
                .value(idempotency.map_or_else(Vec::new, |given| given.fingerprint.0.to_vec()))
                .text(claimed_after)
                .limits(retention)
                .steps(&first)
                .messages([message].iter())
        })
        .await?;
    match outcome.as_str() {
        "NEW" => Ok(Acceptance::New(job)),
        "MISMATCH" => Ok(Acceptance::Mismatch),
        "KNOWN" => Ok(Acceptance::Known(decode(&reply.bytes()?)?)),
        "EXISTS" => {
            let known = decode(&reply.bytes()?)?;
            let same_input = reply.number()? == 1;
            Ok(if is_same(&known.request, &job.request, same_input) {
                Acceptance::Known(known)
            } else {
                Acceptance::Mismatch
            })
        }
        "LIMIT" => Err(exceeded(&mut reply, retention, created_at)?.into()),
        _ => Err(unexpected("outcome")),
    }
}

/// Returns whether the request with the same id is the same request. A request of another tenant
/// never is.
fn is_same(known: &Request, given: &Request, same_input: bool) -> bool {
    let same_key = match (&known.idempotency, &given.idempotency) {
        (Some(known), Some(given)) => known == given,
        (None, None) => same_input,
        _ => false,
    };
    known.owner.tenant == given.owner.tenant && known.topic == given.topic && same_key
}

/// Commits a change of a job that is in the store.
pub(super) async fn commit(link: &Link, change: Change) -> Result<Job, CommitError> {
    let mut publications = Vec::new();
    for effect in change.effects() {
        if let Effect::Publish { draft, result } = effect {
            publications.push((keys::payload(*draft)?, keys::payload(*result)?));
        }
    }
    let messages: Vec<&OutboxMessage> = change.effects().iter().filter_map(message).collect();
    let (outcome, _) = link
        .write_under(change.term(), &script::COMMIT, |to| {
            to.job(change.job(), change.entries())
                .text(change.expected().0)
                .steps(change.entries())
                .messages(messages.into_iter())
                .rows(publications.iter(), |to, (draft, result)| to.text(draft).text(result))
                .audit(audit(&change).into_iter())
        })
        .await?;
    match outcome.as_str() {
        "COMMITTED" => Ok(change.into_job()),
        "CONFLICT" => Err(CommitError::Conflict),
        "NO_DRAFT" => Err(CommitError::NoDraft),
        _ => Err(unexpected("outcome").into()),
    }
}

/// Records an ephemeral job that has ended. Skips the job if its tenant has reached a limit or
/// another job has its id.
pub(super) async fn record(link: &Link, history: Change, retention: &Retention) -> Result<(), StoreError> {
    let job = history.job();
    let (outcome, mut reply) = link
        .write_under(history.term(), &script::RECORD, |to| {
            to.new_job(job, history.entries(), 0, job.updated_at)
                .limits(retention)
                .audit(audit(&history).into_iter())
        })
        .await?;
    match outcome.as_str() {
        "RECORDED" => {}
        "EXISTS" => {
            tracing::warn!(job = %job.id(), "a call was not recorded because another job has its id");
        }
        "LIMIT" => {
            let exceeded = exceeded(&mut reply, retention, job.updated_at)?;
            tracing::debug!(job = %job.id(), %exceeded, "a call was not recorded");
        }
        _ => return Err(unexpected("outcome")),
    }
    Ok(())
}

/// Makes a job durable whose input is already in the store.
pub(super) async fn persist(link: &Link, history: Change, retention: &Retention) -> Result<Job, CommitError> {
    let job = history.job();
    let (outcome, mut reply) = link
        .write_under(history.term(), &script::PERSIST, |to| {
            to.new_job(job, history.entries(), 0, job.updated_at)
                .limits(retention)
                .steps(history.entries())
                .audit(audit(&history).into_iter())
        })
        .await?;
    match outcome.as_str() {
        "COMMITTED" => Ok(history.into_job()),
        "CONFLICT" => Err(CommitError::Conflict),
        "LIMIT" => {
            let exceeded = exceeded(&mut reply, retention, job.updated_at)?;
            Err(StoreError::RetentionExceeded(exceeded).into())
        }
        _ => Err(unexpected("outcome").into()),
    }
}

fn message(effect: &Effect) -> Option<&OutboxMessage> {
    match effect {
        Effect::Send(message) => Some(message),
        Effect::Publish { .. } | Effect::Audit(_) => None,
    }
}

fn audit(change: &Change) -> Vec<&AuditEvent> {
    change.effects().iter().filter_map(entry).collect()
}

fn entry(effect: &Effect) -> Option<&AuditEvent> {
    match effect {
        Effect::Audit(entry) => Some(entry),
        Effect::Send(_) | Effect::Publish { .. } => None,
    }
}

/// Reads which limit a tenant exceeds, and when there is room again.
fn exceeded(
    reply: &mut Reply,
    retention: &Retention,
    now: Timestamp,
) -> Result<RetentionExceeded, StoreError> {
    let (bound, most, kept) = match reply.number()? {
        1 => (Bound::OpenJobs, retention.open_jobs, None),
        2 => (Bound::Jobs, retention.jobs(), Some(retention.keys)),
        3 => (Bound::Bytes, retention.bytes, Some(retention.ended)),
        4 => (Bound::Keys, retention.tenant_keys, Some(retention.keys)),
        _ => return Err(unexpected("limit")),
    };
    let oldest = reply.text()?.parse().ok().map(Timestamp::from_millis);
    let again = oldest.zip(kept).map(|(at, kept)| at.after(kept).since(now).max(Duration::from_secs(1)));
    Ok(RetentionExceeded { bound, most, again })
}

/// Stores a payload of a client. A result can't be stored this way, because the change that ends its
/// job publishes it.
pub(super) async fn put(link: &Link, pointer: Pointer, body: Vec<u8>) -> Result<(), StoreError> {
    keys::payload(pointer)?;
    match pointer.space {
        Space::Context(job) => {
            let minted_at = job.minted_at();
            link.write(&script::PUT_CONTEXT, |to| to.text(job).time(minted_at).value(body)).await?;
        }
        Space::Draft(job, dispatch) => {
            link.write(&script::PUT_DRAFT, |to| to.text(format!("{job}:{dispatch}")).value(body)).await?;
        }
        Space::Result(_) => {
            return Err(StoreError::Broken(format!(
                "{pointer} is a result, which only the change that ends its job can write"
            )));
        }
    }
    Ok(())
}

pub(super) fn decode(record: &[u8]) -> Result<Job, StoreError> {
    cortex_wire::decode_job(record).map_err(|error| StoreError::Corrupt(error.to_string()))
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
