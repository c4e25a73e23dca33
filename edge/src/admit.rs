//! Who is calling: from a bearer key to the record made with it.
//!
//! The record comes from KV and may be old; whether the key still holds is up to the tenant's ledger, which
//! every route asks in the call it makes anyway.

use std::cell::RefCell;
use std::collections::HashMap;

use cortex_guard::keys::{ApiKey, KeyId, KeyRecord};
use cortex_guard::{Kind, Problem};
use worker::Env;

use crate::chance;
use crate::config;
use crate::incoming::Head;
use crate::refusal::Refusal;

/// How long a record is kept in memory, in milliseconds, and in KV's own cache, in seconds.
const MEMORY_MS: u64 = 30_000;
const KV_CACHE_S: u64 = 60;
const MEMORY_ENTRIES: usize = 1000;

thread_local! {
    static RECORDS: RefCell<HashMap<KeyId, (KeyRecord, u64)>> = RefCell::default();
}

/// The caller's record, if the key is right.
pub(crate) async fn caller(head: &Head, env: &Env) -> Result<KeyRecord, Refusal> {
    let header = head.get("authorization").ok_or_else(unauthenticated)?;
    let key = ApiKey::from_authorization(header).map_err(|_| unauthenticated())?;
    let pepper = config::pepper(env)?;
    let record = find(&key.id, env).await?.ok_or_else(unauthenticated)?;
    if record.admits(&key, &pepper) { Ok(record) } else { Err(unauthenticated().into()) }
}

/// The refusal of a key that is missing, malformed, unknown, wrong or revoked: all look the same.
pub(crate) fn unauthenticated() -> Problem {
    Problem::new(Kind::Unauthenticated, "send a valid API key as `Authorization: Bearer ctx_...`")
}

async fn find(id: &KeyId, env: &Env) -> Result<Option<KeyRecord>, Refusal> {
    let now = chance::now().as_millis();
    let known = RECORDS.with_borrow(|records| records.get(id).filter(|(_, until)| *until > now).cloned());
    if let Some((record, _)) = known {
        return Ok(Some(record));
    }
    let text = env.kv("KEYS")?.get(id.as_str()).cache_ttl(KV_CACHE_S).text().await;
    let Some(text) = text.map_err(worker::Error::from)? else { return Ok(None) };
    let record: KeyRecord = serde_json::from_str(&text)?;
    RECORDS.with_borrow_mut(|records| {
        if records.len() >= MEMORY_ENTRIES {
            records.clear();
        }
        records.insert(id.clone(), (record.clone(), now + MEMORY_MS));
    });
    Ok(Some(record))
}
