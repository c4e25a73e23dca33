//! API keys: `ctx_<id>_<secret>`. Only a peppered hash of the secret is stored.

mod pointer;

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cortex_api::KeyView;
use cortex_domain::id::{KeyId, Principal, Role, Tenant};
use cortex_domain::time::Timestamp;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use subtle::ConstantTimeEq;

pub use self::pointer::Pointer;
use cortex_domain::hex;

/// A text is not a valid API key. The error does not repeat the text, which may be another secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("invalid API key (expected `ctx_`, 12 characters, `_`, 43 characters)")]
pub struct MalformedKey;

/// A key as its owner has it.
#[derive(Clone)]
pub struct ApiKey {
    pub id: KeyId,
    secret: [u8; 32],
}

impl ApiKey {
    /// The number of random bytes of a new key.
    pub const RANDOM: usize = 40;

    /// Creates a key from random bytes: 60 bits for the id, 256 for the secret.
    #[must_use]
    pub fn mint(random: [u8; Self::RANDOM]) -> Self {
        const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
        let (name, secret) = random.split_at(8);
        let bits = name.iter().fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
        let digit = |at: u32| char::from(ALPHABET[(bits >> (5 * at)) as usize & 31]);
        let id: String = (0..12).map(digit).collect();
        let id = id.parse().expect("twelve characters of the alphabet are an id");
        Self { id, secret: secret.try_into().expect("40 - 8 bytes are 32") }
    }

    /// Returns the key's text, which is shown to its owner once.
    #[must_use]
    pub fn expose(&self) -> String {
        format!("ctx_{}_{}", self.id, URL_SAFE_NO_PAD.encode(self.secret))
    }

    /// Parses the `Authorization` header with the scheme `Bearer`.
    ///
    /// # Errors
    /// Returns an error if the scheme is another or the key is malformed.
    pub fn from_authorization(header: &str) -> Result<Self, MalformedKey> {
        let (scheme, key) = header.trim().split_once(' ').ok_or(MalformedKey)?;
        if scheme.eq_ignore_ascii_case("bearer") { key.trim().parse() } else { Err(MalformedKey) }
    }

    /// Returns the form of the key that is compared with its record.
    #[must_use]
    pub fn shown(&self, pepper: &Pepper) -> ShownKey {
        ShownKey { id: self.id.clone(), hash: self.hash(pepper) }
    }

    /// Returns the hash of the secret.
    #[must_use]
    pub fn hash(&self, pepper: &Pepper) -> KeyHash {
        let mut mac = Hmac::<Sha256>::new_from_slice(&pepper.0).expect("HMAC takes a key of any length");
        mac.update(&self.secret);
        KeyHash(mac.finalize().into_bytes().into())
    }
}

impl FromStr for ApiKey {
    type Err = MalformedKey;

    fn from_str(text: &str) -> Result<Self, MalformedKey> {
        let rest = text.strip_prefix("ctx_").ok_or(MalformedKey)?;
        let (id, secret) = rest.split_once('_').ok_or(MalformedKey)?;
        let secret = URL_SAFE_NO_PAD.decode(secret).map_err(|_| MalformedKey)?;
        Ok(Self {
            id: id.parse().map_err(|_| MalformedKey)?,
            secret: secret.try_into().map_err(|_| MalformedKey)?,
        })
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({}, ***)", self.id)
    }
}

/// The edge's secret, at least 32 bytes. Without it, stolen hashes are useless.
#[derive(Clone)]
pub struct Pepper(Vec<u8>);

/// The pepper is too short or malformed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the pepper must have at least 64 hexadecimal digits")]
pub struct WeakPepper;

impl FromStr for Pepper {
    type Err = WeakPepper;

    fn from_str(text: &str) -> Result<Self, WeakPepper> {
        hex::decode(text.trim()).filter(|bytes| bytes.len() >= 32).map(Self).ok_or(WeakPepper)
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pepper(***)")
    }
}

/// HMAC-SHA256 of a key's secret under the pepper. Comparison takes constant time.
#[derive(Clone)]
pub struct KeyHash([u8; 32]);

impl PartialEq for KeyHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for KeyHash {}

impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash(***)")
    }
}

impl FromStr for KeyHash {
    type Err = MalformedKey;

    fn from_str(text: &str) -> Result<Self, MalformedKey> {
        let bytes = hex::decode(text).ok_or(MalformedKey)?;
        bytes.try_into().map(Self).map_err(|_| MalformedKey)
    }
}

/// A key as a caller presented it, with its secret hashed. Only the record tells whether the key
/// exists.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ShownKey {
    #[serde(with = "cortex_api::text")]
    pub id: KeyId,
    #[serde(with = "cortex_api::text")]
    pub hash: KeyHash,
}

/// The caller, according to the record of its key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Caller {
    #[serde(with = "cortex_api::text")]
    pub key: KeyId,
    #[serde(with = "cortex_api::text")]
    pub tenant: Tenant,
    #[serde(with = "cortex_api::text")]
    pub principal: Principal,
    #[serde(with = "cortex_api::text::list")]
    pub roles: Vec<Role>,
}

/// A counter of a tenant's revocations. A key carries the epoch in which it was created.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub u64);

impl Epoch {
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// The stored record of a key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct KeyRecord {
    #[serde(with = "cortex_api::text")]
    pub id: KeyId,
    #[serde(with = "cortex_api::text")]
    pub tenant: Tenant,
    #[serde(with = "cortex_api::text")]
    pub principal: Principal,
    #[serde(with = "cortex_api::text::list")]
    pub roles: Vec<Role>,
    #[serde(with = "cortex_api::text")]
    pub hash: KeyHash,
    pub epoch: Epoch,
    #[serde(with = "cortex_api::rfc3339")]
    pub created_at: Timestamp,
}

impl KeyRecord {
    /// Returns the public view of the record, without the hash.
    #[must_use]
    pub fn view(self, revoked: bool) -> KeyView {
        let Self { id, tenant, principal, roles, created_at, .. } = self;
        KeyView { id, tenant, principal, roles, created_at, revoked, key: None }
    }

    /// Returns the view that contains the new key. It is shown once.
    #[must_use]
    pub fn view_with(self, key: &ApiKey) -> KeyView {
        KeyView { key: Some(key.expose()), ..self.view(false) }
    }
}

impl KeyRecord {
    /// Returns the caller with the key `shown`, if it is the key of this record and no later epoch
    /// revoked it.
    #[must_use]
    pub fn admit(self, shown: &ShownKey, revoked: Option<Epoch>) -> Option<Caller> {
        let holds = revoked.is_none_or(|revoked| self.epoch >= revoked);
        let Self { id: key, tenant, principal, roles, hash, .. } = self;
        (hash == shown.hash && key == shown.id && holds).then_some(Caller { key, tenant, principal, roles })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pepper(byte: u8) -> Pepper {
        hex::encode(&[byte; 32]).parse().unwrap()
    }

    fn record(key: &ApiKey) -> KeyRecord {
        KeyRecord {
            id: key.id.clone(),
            tenant: "acme".parse().unwrap(),
            principal: "ci".parse().unwrap(),
            roles: vec!["SRE".parse().unwrap()],
            hash: key.hash(&pepper(1)),
            epoch: Epoch(3),
            created_at: Timestamp::from_millis(0),
        }
    }

    #[test]
    fn a_key_is_admitted_by_its_own_record_alone() {
        let (key, other) = (ApiKey::mint([7; 40]), ApiKey::mint([8; 40]));
        let record = record(&key);
        let admitted = |key: &ApiKey, byte| record.clone().admit(&key.shown(&pepper(byte)), None);
        let caller = admitted(&key, 1).unwrap();
        assert_eq!((caller.tenant.as_str(), caller.principal.as_str()), ("acme", "ci"));
        assert_eq!((caller.roles, caller.key), (record.roles.clone(), key.id.clone()));
        assert_eq!((admitted(&other, 1), admitted(&key, 2)), (None, None));
        let forged = ApiKey { id: key.id, ..other };
        assert_eq!(admitted(&forged, 1), None);
    }

    #[test]
    fn a_key_is_valid_until_a_later_epoch_revokes_it() {
        let key = ApiKey::mint([7; 40]);
        let holds = |revoked| record(&key).admit(&key.shown(&pepper(1)), revoked).is_some();
        assert!(holds(None) && holds(Some(Epoch(3))));
        assert!(!holds(Some(Epoch(4))));
    }

    #[test]
    fn a_record_reads_back_from_json() {
        let record = record(&ApiKey::mint([7; 40]));
        let json = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<KeyRecord>(&json).unwrap(), record);
    }

    #[test]
    fn nothing_prints_a_secret() {
        let key = ApiKey::mint([7; 40]);
        let text = key.expose();
        let secret = text.rsplit('_').next().unwrap();
        let record = record(&key);
        let printed = format!("{key:?} {:?} {record:?}", pepper(7));
        assert!(!printed.contains(secret) && !printed.contains("0707"));
        assert!(!serde_json::to_string(&record).unwrap().contains(secret));
        assert!(!MalformedKey.to_string().contains(secret));
    }

    #[test]
    fn the_header_takes_the_bearer_scheme_in_any_case() {
        let text = ApiKey::mint([7; 40]).expose();
        assert!(ApiKey::from_authorization(&format!("bearer  {text} ")).is_ok());
        for bad in
            ["", &text, &format!("Basic {text}"), "Bearer", "Bearer ctx_a_b", &format!("Bearer {text}x")]
        {
            assert!(ApiKey::from_authorization(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_short_pepper_is_refused() {
        assert!("00ff".parse::<Pepper>().is_err() && "x".repeat(64).parse::<Pepper>().is_err());
    }

    proptest! {
        #[test]
        fn every_key_reads_back(random in proptest::array::uniform32(any::<u8>()), name in any::<[u8; 8]>()) {
            let mut bytes = [0; 40];
            bytes[..8].copy_from_slice(&name);
            bytes[8..].copy_from_slice(&random);
            let key = ApiKey::mint(bytes);
            let read: ApiKey = key.expose().parse().unwrap();
            prop_assert_eq!(key.expose().len(), 4 + 12 + 1 + 43);
            prop_assert_eq!(read.expose(), key.expose());
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,80}", tail in "ctx_.{0,60}") {
            let _ = (ApiKey::from_authorization(&text), tail.parse::<ApiKey>());
        }
    }
}
