//! Handles requests about keys.

use cortex_guard::keys::{Caller, KeyRecord, ShownKey};
use worker::Result;

use super::requests::{ListKeys, NoteRevocationDelivered, PutKey, RevokeKey};
use super::{revocations, table};
use crate::clock;
use crate::ledger::object::Ledger;
use crate::limits::Full;
use crate::object::request::Answers;

impl Ledger {
    /// Returns the caller with a key, or `None` if the key is unknown, wrong or revoked.
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

impl Answers<NoteRevocationDelivered> for Ledger {
    async fn answer(&self, NoteRevocationDelivered(id): NoteRevocationDelivered) -> Result<()> {
        revocations::delivered(&self.sql, id.as_str())
    }
}
