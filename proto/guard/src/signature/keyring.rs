//! The secrets that sign requests. Two may be valid at the same time, so that one can be replaced
//! without an interruption.

use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use cortex_domain::hex;

/// Why a text is not a valid set of signing keys. It never repeats the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeyringError {
    #[error("expected `<id>:<secret>`, with a secret of at least 64 hexadecimal digits")]
    Malformed,
    #[error("invalid id of a signing key: must have 1 to 32 letters, digits and dashes")]
    Id,
    #[error("expected one or two signing keys with different ids, separated by a comma")]
    Count,
}

/// A named secret of at least 256 bits, in text `<id>:<hex>`.
#[derive(Clone)]
pub struct SigningKey {
    id: String,
    secret: Vec<u8>,
}

impl SigningKey {
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn mac(&self, text: &str) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).expect("HMAC takes a key of any length");
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().into()
    }

    pub(super) fn verifies(&self, text: &str, signature: &[u8]) -> bool {
        self.mac(text).ct_eq(signature).into()
    }
}

impl FromStr for SigningKey {
    type Err = KeyringError;

    fn from_str(text: &str) -> Result<Self, KeyringError> {
        let (id, secret) = text.trim().split_once(':').ok_or(KeyringError::Malformed)?;
        let sound =
            (1..=32).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !sound {
            return Err(KeyringError::Id);
        }
        let secret = hex::decode(secret).filter(|bytes| bytes.len() >= 32).ok_or(KeyringError::Malformed)?;
        Ok(Self { id: id.to_owned(), secret })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}, ***)", self.id)
    }
}

/// One or two valid keys, in text `<id>:<hex>[,<id>:<hex>]`. The first one signs, and both verify.
#[derive(Clone, Debug)]
pub struct Keyring {
    current: SigningKey,
    previous: Option<SigningKey>,
}

impl Keyring {
    /// Returns the key that signs.
    #[must_use]
    pub fn current(&self) -> &SigningKey {
        &self.current
    }

    pub(super) fn get(&self, id: &str) -> Option<&SigningKey> {
        std::iter::once(&self.current).chain(&self.previous).find(|key| key.id == id)
    }
}

impl FromStr for Keyring {
    type Err = KeyringError;

    fn from_str(text: &str) -> Result<Self, KeyringError> {
        let mut keys = text.split(',').map(str::parse::<SigningKey>);
        let current = keys.next().ok_or(KeyringError::Count)??;
        let previous = keys.next().transpose()?;
        if keys.next().is_some() || previous.as_ref().is_some_and(|key| key.id == current.id) {
            return Err(KeyringError::Count);
        }
        Ok(Self { current, previous })
    }
}
