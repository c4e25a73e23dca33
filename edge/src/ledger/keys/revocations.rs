//! Revoked keys that the origin does not know yet. The Worker notifies the origin at once. If that
//! fails, the ledger's alarm tries again until it succeeds.

use std::time::Duration;

use cortex_domain::id::KeyId;
use cortex_domain::time::Timestamp;
use cortex_guard::ledger::backoff;
use futures::future::join_all;
use serde::Deserialize;
use worker::Result;

use super::table;
use crate::ledger::object::Ledger;
use crate::object::sql::{Sql, Statement, number, text, time};
use crate::{clock, log, random, revoked};

/// How long the Worker may take before the alarm notifies the origin.
const WORKER_HEAD_START: Duration = Duration::from_secs(3);
/// When the ledger gives up. Everything that the key opened went through the edge, which ended it
/// long before.
const GIVE_UP_AFTER: Duration = Duration::from_secs(24 * 3600);
/// How many keys are reported to the origin at the same time.
const MAX_CONCURRENT: u64 = 8;

const _: () = assert!(revoked::NOTICE_TIMEOUT.as_millis() < WORKER_HEAD_START.as_millis());

#[derive(Deserialize)]
struct PendingRevocation {
    key: String,
    since: u64,
    attempts: u32,
}

/// Schedules the notification about a key. Returns when the ledger will send it.
pub(super) fn note(sql: &Sql, key: &KeyId, now: Timestamp) -> Result<Timestamp> {
    let due = now.after(WORKER_HEAD_START);
    let query = "INSERT OR REPLACE INTO untold (key, since, attempts, due) VALUES (?1, ?2, 0, ?3)";
    sql.run(Statement::new(query, vec![text(key.as_str()), time(now), time(due)]))?;
    Ok(due)
}

/// Records that the origin knows about a key.
pub(super) fn delivered(sql: &Sql, key: &str) -> Result<()> {
    sql.run(Statement::new("DELETE FROM untold WHERE key = ?", vec![text(key)]))
}

/// When the next notification is due.
pub(in crate::ledger) const NEXT_DUE: &str = "SELECT min(due) AS number FROM untold";

fn due(sql: &Sql, now: Timestamp) -> Result<Vec<PendingRevocation>> {
    let query = "SELECT key, since, attempts FROM untold WHERE due <= ? ORDER BY due LIMIT ?";
    sql.rows(Statement::new(query, vec![time(now), number(MAX_CONCURRENT)]))
}

fn postpone(sql: &Sql, key: &str, attempts: u32, due: Timestamp) -> Result<()> {
    let query = "UPDATE untold SET attempts = ?, due = ? WHERE key = ?";
    sql.run(Statement::new(query, vec![number(attempts.into()), time(due), text(key)]))
}

impl Ledger {
    /// Notifies the origin about revoked keys that are due.
    pub(in crate::ledger) async fn send_revocations(&self) -> Result<()> {
        let due = due(&self.sql, clock::now())?;
        let all = join_all(due.into_iter().map(|pending| self.send_revocation(pending))).await;
        all.into_iter().collect()
    }

    async fn send_revocation(
        &self,
        PendingRevocation { key, since, attempts }: PendingRevocation,
    ) -> Result<()> {
        let sent = match table::record(&self.sql, &key) {
            Ok(None) => return delivered(&self.sql, &key),
            Ok(Some(record)) => revoked::notify(&record.id, &record.tenant, &self.env).await,
            Err(error) => Err(error.to_string()),
        };
        let Err(cause) = sent else { return delivered(&self.sql, &key) };
        let (attempts, now) = (attempts.saturating_add(1), clock::now());
        let given_up = now >= Timestamp::from_millis(since).after(GIVE_UP_AFTER);
        let event = if given_up { "key.revocation_given_up" } else { "key.revocation_untold" };
        log::error(event, &[("key", &key), ("attempts", &attempts.to_string()), ("cause", &cause)]);
        if given_up {
            return delivered(&self.sql, &key);
        }
        // Without randomness all ledgers retry at the same time, but they must retry in any case.
        let [random] = random::bytes().unwrap_or_default();
        postpone(&self.sql, &key, attempts, now.after(backoff(attempts, random)))
    }
}
