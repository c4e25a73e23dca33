//! The caller's key, and the ledger to ask about it.
//!
//! KV maps a key to its tenant, under a seal, and proves nothing else. Only the ledger decides from
//! its own record who the caller is and whether the key is valid.

use std::cell::RefCell;
use std::collections::HashMap;

use cortex_api::Problem;
use cortex_domain::ErrorCode;
use cortex_domain::id::KeyId;
use cortex_domain::id::Tenant;
use cortex_guard::keys::{ApiKey, Pepper, Pointer, ShownKey};
use futures::StreamExt;
use worker::{ByteStream, Env};

use crate::error::ApiError;
use crate::incoming::Head;
use crate::{clock, config};

/// How long a pointer is cached, in memory in milliseconds and in KV's own cache in seconds.
const POINTER_MEMORY_TTL_MS: u64 = 30_000;
const POINTER_KV_TTL_S: u64 = 60;
const MAX_POINTERS: usize = 1000;
/// The longest valid pointer, in bytes.
const MAX_POINTER: usize = 512;

thread_local! {
    static POINTERS: RefCell<HashMap<KeyId, (Tenant, u64)>> = RefCell::default();
}

/// A presented key and the tenant with the ledger to ask about it. The ledger has not verified it
/// yet. Only [`presented`] creates one.
#[derive(Clone, Debug)]
pub(crate) struct Presented {
    pub(crate) key: ShownKey,
    pub(crate) tenant: Tenant,
    _made_here: (),
}

/// Returns the key in a request's head.
pub(crate) async fn presented(head: &Head, env: &Env) -> Result<Presented, ApiError> {
    let header = head.get("authorization").ok_or_else(unauthenticated)?;
    let key = ApiKey::from_authorization(header).map_err(|_| unauthenticated())?;
    let pepper = config::pepper(env)?;
    let tenant = tenant(&key.id, &pepper, env).await?.ok_or_else(unauthenticated)?;
    Ok(Presented { key: key.shown(&pepper), tenant, _made_here: () })
}

/// Returns the problem for a missing, malformed, unknown, wrong or revoked key. All of them get the
/// same response.
pub(crate) fn unauthenticated() -> Problem {
    Problem::new(ErrorCode::Unauthenticated, "send a valid API key as `Authorization: Bearer ctx_...`")
}

/// Returns the tenant of a key, if there is a pointer with a valid seal.
pub(crate) async fn tenant(id: &KeyId, pepper: &Pepper, env: &Env) -> Result<Option<Tenant>, ApiError> {
    let now = clock::now().as_millis();
    let known = POINTERS.with_borrow(|known| known.get(id).filter(|(_, until)| *until > now).cloned());
    if let Some((tenant, _)) = known {
        return Ok(Some(tenant));
    }
    let Some(pointer) = fetch(id, env).await? else { return Ok(None) };
    let Some(tenant) = pointer.open(id, pepper) else { return Ok(None) };
    POINTERS.with_borrow_mut(|known| {
        if known.len() >= MAX_POINTERS {
            known.clear();
        }
        known.insert(id.clone(), (tenant.clone(), now + POINTER_MEMORY_TTL_MS));
    });
    Ok(Some(tenant))
}

/// Stores the tenant of a new key.
pub(crate) async fn point(id: &KeyId, tenant: &Tenant, env: &Env) -> Result<(), ApiError> {
    let pointer = Pointer::seal(id, tenant.clone(), &config::pepper(env)?);
    let put =
        env.kv("KEYS")?.put(id.as_str(), serde_json::to_string(&pointer)?).map_err(worker::Error::from)?;
    Ok(put.execute().await.map_err(worker::Error::from)?)
}

/// Deletes the pointer of a revoked key.
pub(crate) async fn forget(id: &KeyId, env: &Env) -> Result<(), ApiError> {
    POINTERS.with_borrow_mut(|known| known.remove(id));
    Ok(env.kv("KEYS")?.delete(id.as_str()).await.map_err(worker::Error::from)?)
}

async fn fetch(id: &KeyId, env: &Env) -> Result<Option<Pointer>, ApiError> {
    let stored = env.kv("KEYS")?.get(id.as_str()).cache_ttl(POINTER_KV_TTL_S).stream().await;
    let Some(stored) = stored.map_err(worker::Error::from)? else { return Ok(None) };
    let (mut stored, mut text) = (ByteStream::from(stored), Vec::new());
    while let Some(chunk) = stored.next().await {
        text.extend_from_slice(&chunk?);
        if text.len() > MAX_POINTER {
            return Ok(None);
        }
    }
    Ok(serde_json::from_slice(&text).ok())
}
