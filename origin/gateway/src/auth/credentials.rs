//! The credentials that authenticate callers.

use std::fmt;
use std::str::FromStr;

use cortex_domain::id::{Principal, Role, Tenant};
use cortex_guard::signature::Keyring;
use subtle::ConstantTimeEq;

/// The credentials that authenticate callers.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The keys that the edge signs with.
    pub edge: Keyring,
    /// The key for callers on this machine. Set only if the API listens on loopback.
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

/// The key is too short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid API_KEY: must have at least 16 characters")]
pub struct LocalKeyError;

impl LocalKey {
    /// Creates the key.
    ///
    /// # Errors
    /// Returns an error if the secret is shorter than 16 characters.
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
