//! What callers are checked against.

use std::fmt;
use std::str::FromStr;

use cortex_domain::id::{Principal, Role, Tenant};
use cortex_guard::signature::Keyring;
use subtle::ConstantTimeEq;

/// What callers are checked against.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The keys that the edge signs with.
    pub edge: Keyring,
    /// For callers on this machine; only where the door is on loopback.
    pub local: Option<LocalKey>,
}

/// `API_KEY` for `TENANT_ID`: one shared key for callers on this machine.
#[derive(Clone)]
pub struct LocalKey {
    secret: String,
    pub(crate) tenant: Tenant,
    pub(crate) principal: Principal,
    pub(crate) roles: Vec<Role>,
}

/// The key is too weak to be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("API_KEY has at least 16 characters")]
pub struct LocalKeyError;

impl LocalKey {
    /// # Errors
    /// If the secret is shorter than 16 characters.
    pub fn new(secret: String, tenant: Tenant, roles: Vec<Role>) -> Result<Self, LocalKeyError> {
        if secret.len() < 16 {
            return Err(LocalKeyError);
        }
        let principal = Principal::from_str("local").expect("`local` is a name");
        Ok(Self { secret, tenant, principal, roles })
    }

    pub(crate) fn admits(&self, presented: &str) -> bool {
        self.secret.as_bytes().ct_eq(presented.as_bytes()).into()
    }
}

impl fmt::Debug for LocalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalKey(***, {})", self.tenant)
    }
}
