//! Revoked keys of which the origin has not heard yet. The Worker tells the origin at once. What fails stays here, and the
//! ledger's alarm tries again until the origin has heard.

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

/// How long the Worker has before the alarm tells the origin.
const WORKER_HEAD_START: Duration = Duration::from_secs(3);
/// After which time the ledger gives up. What the key opened went through the edge, which ended it long before.
const GIVE_UP_AFTER: Duration = Duration::from_secs(24 * 3600);
/// How many keys are reported to the origin at once.
const AT_ONCE: u64 = 8;

const _: () = assert!(revoked::NOTICE_TIMEOUT.as_millis() < WORKER_HEAD_START.as_millis());

#[derive(Deserialize)]
struct Unheard {
    key: String,
    since: u64,
    attempts: u32,
}

/// Notes that the origin is to hear of a key. Returns when the ledger will tell it.
pub(super) fn note(sql: &Sql, key: &KeyId, now: Timestamp) -> Result<Timestamp> {
    let due = now.after(WORKER_HEAD_START);
    let query = "INSERT OR REPLACE INTO untold (key, since, attempts, due) VALUES (?1, ?2, 0, ?3)";
    sql.run(Statement::new(query, vec![text(key.as_str()), time(now), time(due)]))?;
    Ok(due)
}

/// Notes that the origin heard of a key.
pub(super) fn heard(sql: &Sql, key: &str) -> Result<()> {
    sql.run(Statement::new("DELETE FROM untold WHERE key = ?", vec![text(key)]))
}

/// When the origin is to hear of the next key.
pub(in crate::ledger) const NEXT_DUE: &str = "SELECT min(due) AS number FROM untold";

fn due(sql: &Sql, now: Timestamp) -> Result<Vec<Unheard>> {
    let query = "SELECT key, since, attempts FROM untold WHERE due <= ? ORDER BY due LIMIT ?";
    sql.rows(Statement::new(query, vec![time(now), number(AT_ONCE)]))
}

fn postpone(sql: &Sql, key: &str, attempts: u32, due: Timestamp) -> Result<()> {
    let query = "UPDATE untold SET attempts = ?, due = ? WHERE key = ?";
    sql.run(Statement::new(query, vec![number(attempts.into()), time(due), text(key)]))
}

impl Ledger {
    /// Tells the origin of the revoked keys that are due.
    pub(in crate::ledger) async fn send_revocations(&self) -> Result<()> {
        let due = due(&self.sql, clock::now())?;
        let all = join_all(due.into_iter().map(|unheard| self.send_revocation(unheard))).await;
        all.into_iter().collect()
    }

    async fn send_revocation(&self, Unheard { key, since, attempts }: Unheard) -> Result<()> {
        let sent = match table::record(&self.sql, &key) {
            Ok(None) => return heard(&self.sql, &key),
            Ok(Some(record)) => revoked::notify(&record.id, &record.tenant, &self.env).await,
            Err(error) => Err(error.to_string()),
        };
        let Err(cause) = sent else { return heard(&self.sql, &key) };
        let (attempts, now) = (attempts.saturating_add(1), clock::now());
        let given_up = now >= Timestamp::from_millis(since).after(GIVE_UP_AFTER);
        let event = if given_up { "key.revocation_given_up" } else { "key.revocation_untold" };
        log::error(event, &[("key", &key), ("attempts", &attempts.to_string()), ("cause", &cause)]);
        if given_up {
            return heard(&self.sql, &key);
        }
        // Without randomness all ledgers try at the same time, but they must try again in any case.
        let [random] = random::bytes().unwrap_or_default();
        postpone(&self.sql, &key, attempts, now.after(backoff(attempts, random)))
    }
}
