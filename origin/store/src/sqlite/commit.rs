//! Committing a change, whole.

use cortex_domain::job::Job;
use cortex_domain::ports::Message;
use cortex_domain::transition::{Change, Effect};
use rusqlite::Connection;

use super::fault::Fault;
use super::usage::{self, Delta};
use super::{jobs, outbox, payloads, steps};

pub(super) fn commit(connection: &Connection, change: Change) -> Result<Job, Fault> {
    let job = change.job();
    jobs::update(connection, job, change.expected())?;
    jobs::append(connection, job.id(), change.entries())?;
    steps::append(connection, job, change.entries())?;
    let mut delta = Delta { open: if job.state.is_terminal() { -1 } else { 0 }, ..Delta::default() };
    for effect in change.effects() {
        match effect {
            Effect::Submit { job } => outbox::append(connection, &Message::Submit { job: *job })?,
            Effect::Abort { job, lease, worker } => {
                let abort = Message::Abort { job: *job, lease: *lease, worker: worker.clone() };
                outbox::append(connection, &abort)?;
            }
            Effect::Publish { draft, result } => {
                delta.bytes += payloads::publish(connection, *draft, *result)?;
            }
        }
    }
    if delta.bytes != 0 {
        jobs::grow(connection, job.id(), delta.bytes)?;
    }
    if delta.open != 0 || delta.bytes != 0 {
        usage::count(connection, job.tenant(), delta)?;
    }
    Ok(change.into_job())
}
