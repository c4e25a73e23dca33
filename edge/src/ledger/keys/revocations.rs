//! Revoked keys of which the origin has not been told yet. The Worker tells it at once; what fails stays here, and the alarm
//! tells it until the origin has heard.

use cortex_domain::time::Timestamp;
use futures::future::join_all;
use serde::Deserialize;
use worker::Result;

use super::sql::{Sql, number, text, time};
use super::{Ledger, backoff, keys};
use crate::{chance, log, revoked};

/// How long the Worker has before the alarm tells the origin, in milliseconds; longer than its attempt takes.
const GRACE_MS: u64 = 3000;
/// After which time it is given up, in milliseconds. What the key opened went through the edge, which ended it long before.
const GIVE_UP_MS: u64 = 24 * 3_600_000;
/// Keys told of at once.
const AT_ONCE: u64 = 8;

#[derive(Deserialize)]
struct Untold {
    key: String,
    since: u64,
    attempts: u32,
}

/// Notes that the origin is to be told of a key.
pub(super) fn note(sql: &Sql, key: &str, now: Timestamp) -> Result<()> {
    sql.run(
        "INSERT OR REPLACE INTO untold (key, since, attempts, due) VALUES (?1, ?2, 0, ?3)",
        vec![text(key), time(now), number(now.as_millis() + GRACE_MS)],
    )
}

/// The origin was told of a key.
pub(super) fn told(sql: &Sql, key: &str) -> Result<()> {
    sql.run("DELETE FROM untold WHERE key = ?", vec![text(key)])
}

/// When the origin is to be told of the next key.
pub(super) fn next_due(sql: &Sql) -> Result<Option<u64>> {
    #[derive(Deserialize)]
    struct Min {
        due: Option<u64>,
    }
    Ok(sql.first::<Min>("SELECT min(due) AS due FROM untold", vec![])?.and_then(|row| row.due))
}

fn due(sql: &Sql, now: Timestamp) -> Result<Vec<Untold>> {
    sql.rows(
        "SELECT key, since, attempts FROM untold WHERE due <= ? ORDER BY due LIMIT ?",
        vec![time(now), number(AT_ONCE)],
    )
}

fn postpone(sql: &Sql, key: &str, attempts: u32, due: u64) -> Result<()> {
    let attempts = number(attempts.into());
    sql.run("UPDATE untold SET attempts = ?, due = ? WHERE key = ?", vec![attempts, number(due), text(key)])
}

impl Ledger {
    /// Tells the origin of the revoked keys of which it is time to tell it.
    pub(super) async fn tell_revoked(&self) -> Result<()> {
        let due = due(&self.sql, chance::now())?;
        let all = join_all(due.into_iter().map(|untold| self.tell(untold))).await;
        all.into_iter().collect()
    }

    async fn tell(&self, Untold { key, since, attempts }: Untold) -> Result<()> {
        let said = match keys::record(&self.sql, &key) {
            Ok(None) => return told(&self.sql, &key),
            Ok(Some(record)) => revoked::tell(&record.id, &record.tenant, &self.env).await,
            Err(error) => Err(error.to_string()),
        };
        let Err(cause) = said else { return told(&self.sql, &key) };
        let (attempts, now) = (attempts.saturating_add(1), chance::now().as_millis());
        let given_up = now >= since.saturating_add(GIVE_UP_MS);
        let event = if given_up { "key.revocation_given_up" } else { "key.revocation_untold" };
        log::error(event, &[("key", &key), ("attempts", &attempts.to_string()), ("cause", &cause)]);
        if given_up {
            return told(&self.sql, &key);
        }
        // Without chance the alarm comes at the same time for all; it must come later in any case.
        let [chance] = chance::random().unwrap_or_default();
        postpone(&self.sql, &key, attempts, now + backoff::wait_ms(attempts, chance))
    }
}
