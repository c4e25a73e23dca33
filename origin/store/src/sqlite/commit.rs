//! Committing a change, whole.

use cortex_domain::job::Job;
use cortex_domain::ports::Message;
use cortex_domain::transition::{Change, Effect};

use super::fault::Fault;
use super::transaction::Transaction;
use super::usage::Delta;
use super::{jobs, outbox, payloads, steps};

pub(super) fn commit(transaction: &Transaction, change: Change) -> Result<Job, Fault> {
    let job = change.job();
    jobs::update(transaction, job, change.expected())?;
    jobs::append(transaction, job.id(), change.entries())?;
    steps::append(transaction, job, change.entries())?;
    let mut delta = Delta { open: if job.state.is_terminal() { -1 } else { 0 }, ..Delta::default() };
    for effect in change.effects() {
        match effect {
            Effect::Submit { job } => outbox::append(transaction, &Message::Submit { job: *job })?,
            Effect::Abort { job, lease, worker } => {
                let abort = Message::Abort { job: *job, lease: *lease, worker: worker.clone() };
                outbox::append(transaction, &abort)?;
            }
            Effect::Publish { draft, result } => {
                delta.bytes += payloads::publish(transaction, *draft, *result)?;
            }
        }
    }
    if delta.bytes != 0 {
        jobs::grow(transaction, job.id(), delta.bytes)?;
    }
    if delta.open != 0 || delta.bytes != 0 {
        transaction.count(job.tenant(), delta)?;
    }
    Ok(change.into_job())
}
