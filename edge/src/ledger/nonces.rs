//! The nonces of signed requests, as long as their time is within the window.

use cortex_domain::time::Timestamp;
use cortex_guard::signature::WINDOW;
use worker::Result;

use super::sql::{Sql, text, time};

/// Remembers a nonce. Whether it was new.
pub(super) fn remember(sql: &Sql, nonce: &str, signed: Timestamp, now: Timestamp) -> Result<bool> {
    // What is older than the window is refused for its time already.
    let horizon = Timestamp::from_millis(now.as_millis().saturating_sub(2 * WINDOW.as_secs() * 1000));
    sql.run("DELETE FROM nonce WHERE signed < ?", vec![time(horizon)])?;
    let query = "INSERT OR IGNORE INTO nonce (signed, nonce) VALUES (?, ?) RETURNING nonce";
    let row: Option<serde::de::IgnoredAny> = sql.first(query, vec![time(signed), text(nonce)])?;
    Ok(row.is_some())
}
