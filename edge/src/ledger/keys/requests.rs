//! The requests about keys. The origin or the operator signs all of them.

use cortex_domain::id::KeyId;
use cortex_guard::keys::KeyRecord;
use serde::{Deserialize, Serialize};

use crate::ledger::requests::ledger_requests;
use crate::limits::Full;

/// Stores a new key in the current epoch.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::ledger) struct PutKey(pub(in crate::ledger) KeyRecord);

/// Lists all keys, and whether each is revoked.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::ledger) struct ListKeys;

/// Revokes a key. The reply is whether the key exists.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::ledger) struct RevokeKey(#[serde(with = "cortex_api::text")] pub(in crate::ledger) KeyId);

/// Records that the origin knows about a revoked key.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::ledger) struct NoteRevocationDelivered(
    #[serde(with = "cortex_api::text")] pub(in crate::ledger) KeyId,
);

ledger_requests! {
    PutKey, "/put-key", Result<KeyRecord, Full>, None;
    ListKeys, "/list-keys", Vec<(KeyRecord, bool)>, Some(Vec::new());
    RevokeKey, "/revoke-key", bool, Some(false);
    NoteRevocationDelivered, "/note-revocation-delivered", (), Some(());
}
