//! Noting ephemeral jobs: they are read like others, and no step or message comes of them. One that is kept is
//! a durable job from there on, and its steps are told from its first.

use cortex_domain::event::Entry;
use cortex_domain::job::Job;
use rusqlite::Connection;

use super::fault::Fault;
use super::{jobs, steps};

pub(super) fn record(connection: &Connection, job: &Job, log: &[Entry]) -> Result<(), Fault> {
    jobs::insert(connection, job)?;
    jobs::append(connection, job.id(), log)
}

pub(super) fn keep(connection: &Connection, job: &Job, log: &[Entry]) -> Result<(), Fault> {
    record(connection, job, log)?;
    steps::append(connection, job, log)
}
