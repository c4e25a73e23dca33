//! Accepts a submission once.

use cortex_domain::flow::Submission;
use cortex_domain::job::{Durability, Job, Request};
use cortex_domain::pointer::Memory;
use cortex_domain::ports::Acceptance;
use cortex_domain::retention::Retention;
use cortex_domain::time::Timestamp;
use cortex_domain::transition::{OutboxMessage, first_entry};
use rusqlite::{Connection, params};

use super::fault::Fault;
use super::transaction::Transaction;
use super::usage::{self, Delta};
use super::{forget, jobs, outbox, payloads, steps};

pub(super) fn accept(
    transaction: &Transaction,
    submission: Submission,
    retention: &Retention,
) -> Result<Acceptance, Fault> {
    let Submission { request, input } = submission;
    if let Some(earlier) = under_key(transaction, &request, retention)? {
        return Ok(earlier);
    }
    if let Some(job) = jobs::find(transaction, request.id)? {
        return Ok(if is_same(transaction, &job, &request, &input)? {
            Acceptance::Known(job)
        } else {
            Acceptance::Mismatch
        });
    }
    let job = Job::accepted(request, Durability::Durable, Memory::Local);
    let first = [first_entry(&job)];
    let now = job.request.created_at;
    let kept_until = job.request.idempotency.as_ref().map_or(now, |_| now.after(retention.keys));
    let delta = jobs::insert(transaction, &job, input.len(), kept_until)?;
    let keys = claim_key(transaction, &job)?;
    usage::add(transaction, job.tenant(), Delta { keys, ..delta }, retention, now)?;
    jobs::append(transaction, job.id(), &first)?;
    steps::append(transaction, &job, &first)?;
    payloads::insert(transaction, job.context(), &input)?;
    outbox::append(transaction, &OutboxMessage::submit(&job))?;
    Ok(Acceptance::New(job))
}

/// Returns the result of an earlier submission under the request's idempotency key.
fn under_key(
    connection: &Connection,
    request: &Request,
    retention: &Retention,
) -> Result<Option<Acceptance>, Fault> {
    let Some(idempotency) = &request.idempotency else { return Ok(None) };
    let tenant = request.owner.tenant.as_str();
    // An expired key no longer counts, even if it has not been deleted yet.
    let after = request.created_at.as_millis().saturating_sub(forget::millis(retention.keys));
    let after = Timestamp::from_millis(after);
    let Some((id, fingerprint)) = jobs::by_key(connection, tenant, idempotency.key.as_str(), after)? else {
        return Ok(None);
    };
    if fingerprint != idempotency.fingerprint.0 {
        return Ok(Some(Acceptance::Mismatch));
    }
    let job = jobs::find(connection, id)?.ok_or(Fault::Row("job for an idempotency key"))?;
    Ok(Some(Acceptance::Known(job)))
}

/// Returns whether the job with this id was made by the same request. A job of another tenant never
/// was.
fn is_same(connection: &Connection, job: &Job, request: &Request, input: &[u8]) -> Result<bool, Fault> {
    let known = &job.request;
    if known.owner.tenant != request.owner.tenant || known.topic != request.topic {
        return Ok(false);
    }
    match (&known.idempotency, &request.idempotency) {
        (Some(known), Some(given)) => Ok(known == given),
        (None, None) => Ok(payloads::get(connection, job.context())?.is_some_and(|known| known == input)),
        _ => Ok(false),
    }
}

/// Assigns the job's idempotency key to it. Returns how many more keys the tenant has now.
fn claim_key(connection: &Connection, job: &Job) -> Result<i64, Fault> {
    let Some(idempotency) = &job.request.idempotency else { return Ok(0) };
    let (tenant, key) = (job.tenant().as_str(), idempotency.key.as_str());
    let expired = connection
        .prepare_cached("DELETE FROM idempotency WHERE tenant = ?1 AND key = ?2")?
        .execute([tenant, key])?;
    connection
        .prepare_cached(
            "INSERT INTO idempotency (tenant, key, fingerprint, job, at) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            tenant,
            key,
            idempotency.fingerprint.0,
            job.id().as_bytes(),
            job.request.created_at.as_millis().cast_signed()
        ])?;
    Ok(if expired == 0 { 1 } else { 0 })
}
