//! Answers what is asked about keys.

use cortex_guard::keys::{Caller, KeyRecord, ShownKey};
use worker::Result;

use super::requests::{ListKeys, NoteRevocationHeard, PutKey, RevokeKey};
use super::{revocations, table};
use crate::clock;
use crate::ledger::object::Ledger;
use crate::limits::Full;
use crate::object::request::Answers;

impl Ledger {
    /// Returns who calls with a key; `None` if it is unknown here, wrong or revoked.
    pub(in crate::ledger) fn caller(&self, shown: &ShownKey) -> Result<Option<Caller>> {
        table::caller(&self.sql, shown)
    }
}

impl Answers<PutKey> for Ledger {
    async fn answer(&self, PutKey(record): PutKey) -> Result<std::result::Result<KeyRecord, Full>> {
        match self.limits.with_key(table::count(&self.sql)?) {
            Ok(()) => table::put(&self.sql, record).map(Ok),
            Err(full) => Ok(Err(full)),
        }
    }
}

impl Answers<ListKeys> for Ledger {
    async fn answer(&self, _: ListKeys) -> Result<Vec<(KeyRecord, bool)>> {
        table::all(&self.sql)
    }
}

impl Answers<RevokeKey> for Ledger {
    async fn answer(&self, RevokeKey(id): RevokeKey) -> Result<bool> {
        let revoked = table::revoke(&self.sql, &id)?;
        if revoked {
            let due = revocations::note(&self.sql, &id, clock::now())?;
            self.set_alarm_by(due).await?;
        }
        Ok(revoked)
    }
}

impl Answers<NoteRevocationHeard> for Ledger {
    async fn answer(&self, NoteRevocationHeard(id): NoteRevocationHeard) -> Result<()> {
        revocations::heard(&self.sql, id.as_str())
    }
}
