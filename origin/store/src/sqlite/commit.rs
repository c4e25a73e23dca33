//! Committing a change, whole.

use cortex_domain::job::Job;
use cortex_domain::ports::Message;
use cortex_domain::transition::{Change, Effect};
use rusqlite::Connection;

use super::fault::Fault;
use super::{jobs, outbox, payloads, steps};

pub(super) fn commit(connection: &Connection, change: Change) -> Result<Job, Fault> {
    let job = change.job();
    jobs::update(connection, job, change.expected())?;
    jobs::append(connection, job.id(), change.entries())?;
    steps::append(connection, job, change.entries())?;
    for effect in change.effects() {
        match effect {
            Effect::Submit { job } => outbox::append(connection, &Message::Submit { job: *job })?,
            Effect::Abort { job, lease, worker } => {
                let abort = Message::Abort { job: *job, lease: *lease, worker: worker.clone() };
                outbox::append(connection, &abort)?;
            }
            Effect::Publish { draft, result } => payloads::publish(connection, *draft, *result)?,
        }
    }
    Ok(change.into_job())
}
