//! What is asked of a ledger about keys, all of it signed by the origin or the operator.

use cortex_domain::id::KeyId;
use cortex_guard::keys::KeyRecord;
use serde::{Deserialize, Serialize};

use crate::ledger::requests::ledger_requests;
use crate::limits::Full;

/// Keeps a new key, in the present epoch.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::ledger) struct PutKey(pub(in crate::ledger) KeyRecord);

/// Lists all keys, and whether each is revoked.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::ledger) struct ListKeys;

/// Revokes a key. The reply is whether there is one.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::ledger) struct RevokeKey(#[serde(with = "cortex_api::text")] pub(in crate::ledger) KeyId);

/// Notes that the origin heard of a revoked key.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::ledger) struct NoteRevocationHeard(
    #[serde(with = "cortex_api::text")] pub(in crate::ledger) KeyId,
);

ledger_requests! {
    PutKey, "/put-key", Result<KeyRecord, Full>, None;
    ListKeys, "/list-keys", Vec<(KeyRecord, bool)>, Some(Vec::new());
    RevokeKey, "/revoke-key", bool, Some(false);
    NoteRevocationHeard, "/note-revocation-heard", (), Some(());
}
