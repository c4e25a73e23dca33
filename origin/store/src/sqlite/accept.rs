//! Taking a submission in, once.

use cortex_domain::flow::Submission;
use cortex_domain::job::{Durability, Job, Request};
use cortex_domain::pointer::Memory;
use cortex_domain::ports::{Acceptance, Message};
use cortex_domain::transition::first_entry;
use rusqlite::{Connection, params};

use super::fault::Fault;
use super::{jobs, outbox, payloads, steps};

pub(super) fn accept(connection: &Connection, submission: Submission) -> Result<Acceptance, Fault> {
    let Submission { request, input } = submission;
    if let Some(earlier) = under_key(connection, &request)? {
        return Ok(earlier);
    }
    if let Some(job) = jobs::find(connection, request.id)? {
        return Ok(if is_same(connection, &job, &request, &input)? {
            Acceptance::Known(job)
        } else {
            Acceptance::Mismatch
        });
    }
    let job = Job::accepted(request, Durability::Durable, Memory::Local);
    let first = [first_entry(&job)];
    jobs::insert(connection, &job)?;
    jobs::append(connection, job.id(), &first)?;
    steps::append(connection, &job, &first)?;
    payloads::insert(connection, job.context(), &input)?;
    outbox::append(connection, &Message::Submit { job: job.id() })?;
    claim_key(connection, &job)?;
    Ok(Acceptance::New(job))
}

/// What came before under the request's idempotency key.
fn under_key(connection: &Connection, request: &Request) -> Result<Option<Acceptance>, Fault> {
    let Some(idempotency) = &request.idempotency else { return Ok(None) };
    let tenant = request.owner.tenant.as_str();
    let Some((id, fingerprint)) = jobs::by_key(connection, tenant, idempotency.key.as_str())? else {
        return Ok(None);
    };
    if fingerprint != idempotency.fingerprint.0 {
        return Ok(Some(Acceptance::Mismatch));
    }
    let job = jobs::find(connection, id)?.ok_or(Fault::Row("job under an idempotency key"))?;
    Ok(Some(Acceptance::Known(job)))
}

/// Whether a job known by its id was made by this very request; a foreign tenant's never was.
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

fn claim_key(connection: &Connection, job: &Job) -> Result<(), Fault> {
    let Some(idempotency) = &job.request.idempotency else { return Ok(()) };
    connection
        .prepare_cached("INSERT INTO idempotency (tenant, key, fingerprint, job) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![
            job.tenant().as_str(),
            idempotency.key.as_str(),
            idempotency.fingerprint.0,
            job.id().as_bytes()
        ])?;
    Ok(())
}
