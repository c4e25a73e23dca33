//! The edge's signed admin route for API keys.

use cortex_domain::id::{Principal, Role, Tenant};
use cortex_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::keys::{ApiKey, KeyId, KeyRecord};

/// `POST /internal/keys`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateKey {
    #[serde(with = "crate::text")]
    pub tenant: Tenant,
    #[serde(with = "crate::text")]
    pub principal: Principal,
    #[serde(default, with = "crate::text::list")]
    pub roles: Vec<Role>,
}

/// A key without its hash. `key` is there once, in the answer that made it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyView {
    #[serde(with = "crate::text")]
    pub id: KeyId,
    #[serde(with = "crate::text")]
    pub tenant: Tenant,
    #[serde(with = "crate::text")]
    pub principal: Principal,
    #[serde(with = "crate::text::list")]
    pub roles: Vec<Role>,
    #[serde(with = "crate::rfc3339")]
    pub created_at: Timestamp,
    pub revoked: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

impl KeyView {
    #[must_use]
    pub fn new(record: KeyRecord, revoked: bool) -> Self {
        let KeyRecord { id, tenant, principal, roles, created_at, .. } = record;
        Self { id, tenant, principal, roles, created_at, revoked, key: None }
    }

    /// The view that hands the new key over.
    #[must_use]
    pub fn made(record: KeyRecord, key: &ApiKey) -> Self {
        Self { key: Some(key.expose()), ..Self::new(record, false) }
    }
}

impl std::fmt::Debug for KeyView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyView({} of {}, revoked: {})", self.id, self.tenant, self.revoked)
    }
}

/// `GET /internal/keys?tenant=`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct KeyPage {
    pub keys: Vec<KeyView>,
}
