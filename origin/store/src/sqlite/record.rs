//! Noting ephemeral jobs: they are read like others, and no step or message comes of them.

use cortex_domain::event::Entry;
use cortex_domain::job::Job;
use rusqlite::Connection;

use super::fault::Fault;
use super::jobs;

pub(super) fn record(connection: &Connection, job: &Job, log: &[Entry]) -> Result<(), Fault> {
    jobs::insert(connection, job)?;
    jobs::append(connection, job.id(), log)
}
