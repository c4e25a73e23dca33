//! Commits a change atomically.

use cortex_domain::job::Job;
use cortex_domain::transition::{Change, Effect};

use super::audit::OnRollback;
use super::fault::Fault;
use super::transaction::Transaction;
use super::usage::Delta;
use super::{jobs, outbox, payloads, steps};

/// Commits a change of a job that is in the store.
pub(super) fn commit(transaction: &Transaction, change: Change) -> Result<Job, Fault> {
    let job = change.job();
    jobs::update(transaction, job, change.expected())?;
    jobs::append(transaction, job.id(), change.entries())?;
    steps::append(transaction, job, change.entries())?;
    let open = if job.state.is_terminal() { -1 } else { 0 };
    let delta = Delta { open, bytes: effects(transaction, &change)?, ..Delta::default() };
    if delta.bytes != 0 {
        jobs::grow(transaction, job.id(), delta.bytes)?;
    }
    if delta.open != 0 || delta.bytes != 0 {
        transaction.count(job.tenant(), delta)?;
    }
    Ok(change.into_job())
}

/// Applies the effects of a change. Returns by how many bytes the job has grown.
fn effects(transaction: &Transaction, change: &Change) -> Result<i64, Fault> {
    let mut bytes = 0;
    for effect in change.effects() {
        match effect {
            Effect::Send(message) => outbox::append(transaction, message)?,
            Effect::Publish { draft, result } => bytes += payloads::publish(transaction, *draft, *result)?,
            Effect::Audit(entry) => transaction.audit((**entry).clone(), OnRollback::Discard),
        }
    }
    Ok(bytes)
}

/// Adds the audit entries of a job that is recorded or persisted. The other effects of its history
/// have already happened.
pub(super) fn audit(transaction: &Transaction, change: &Change) {
    for effect in change.effects() {
        if let Effect::Audit(entry) = effect {
            transaction.audit((**entry).clone(), OnRollback::Discard);
        }
    }
}
