//! The only code that changes a job. It reads the row, applies the pure transition and writes the
//! row, without an await in between. The caller performs the effects.

use cortex_domain::id::JobId;
use cortex_domain::time::Timestamp;
use cortex_guard::ledger::{Effect, LedgerEvent, Rejected, apply};
use worker::{Error, Result};

use super::row::{CorruptJob, Row, Stored};
use super::table;
use crate::ledger::object::Ledger;
use crate::log;

/// The result of an event.
pub(super) enum Outcome {
    /// The ledger has no such job.
    Unknown,
    Rejected(Box<Stored>, Rejected),
    /// The changed job, and the effects to perform.
    Changed(Box<Stored>, Vec<Effect>),
}

impl Ledger {
    /// Applies an event to a job. The caller performs the effects.
    pub(super) fn apply(&self, id: &JobId, event: LedgerEvent, now: Timestamp) -> Result<Outcome> {
        let Some(stored) = self.load(id)? else { return Ok(Outcome::Unknown) };
        match apply(&stored.job, event, now) {
            Ok(step) => {
                self.sql.run(table::write(&step.job)?)?;
                Ok(Outcome::Changed(Box::new(Stored { job: step.job, ..stored }), step.effects))
            }
            Err(rejected) => Ok(Outcome::Rejected(Box::new(stored), rejected)),
        }
    }

    /// Returns a job, or an error if its row is corrupt.
    pub(super) fn load(&self, id: &JobId) -> Result<Option<Stored>> {
        let Some(row) = self.sql.first::<Row>(table::find(id))? else { return Ok(None) };
        self.read(row).map(Some).map_err(|corrupt| Error::RustError(corrupt.to_string()))
    }

    /// Decodes a row. A corrupt row is logged and set aside, so that it is never sent.
    pub(super) fn read(&self, row: Row) -> std::result::Result<Stored, CorruptJob> {
        row.decode().inspect_err(|corrupt| {
            log::error("ledger.corrupt_job", &[("job", &corrupt.id), ("cause", &corrupt.to_string())]);
            self.set_aside(&corrupt.id);
        })
    }

    pub(super) fn set_aside(&self, id: &str) {
        self.held.set(None);
        if let Err(error) = self.sql.run(table::set_aside(id)) {
            log::error("ledger.corrupt_job", &[("job", id), ("cause", &error.to_string())]);
        }
    }
}
