//! The tenant of a key, so that its ledger can be found. A shared table holds only this, under a
//! seal, so that an attacker who can write to the table can't redirect a key.

use cortex_domain::id::{KeyId, Tenant};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::Pepper;
use cortex_domain::hex;

/// Separates a seal from the hash of a key's secret, which uses the same pepper and has another
/// length.
const SEAL_PREFIX: &[u8] = b"cortex-key-pointer-v1";

/// The tenant of a key, with a seal that requires the pepper.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Pointer {
    #[serde(with = "cortex_api::text")]
    tenant: Tenant,
    seal: String,
}

impl Pointer {
    #[must_use]
    pub fn seal(id: &KeyId, tenant: Tenant, pepper: &Pepper) -> Self {
        let seal = hex::encode(&seal(id, &tenant, pepper));
        Self { tenant, seal }
    }

    /// Returns the tenant of the key `id`, or `None` if the seal is for another key or tenant.
    #[must_use]
    pub fn open(self, id: &KeyId, pepper: &Pepper) -> Option<Tenant> {
        let given = hex::decode(&self.seal)?;
        let sound: bool = given.ct_eq(&seal(id, &self.tenant, pepper)).into();
        sound.then_some(self.tenant)
    }
}

fn seal(id: &KeyId, tenant: &Tenant, pepper: &Pepper) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(&pepper.0).expect("HMAC takes a key of any length");
    // Neither ids nor tenants contain a line break.
    for part in [SEAL_PREFIX, id.as_str().as_bytes(), tenant.as_str().as_bytes()] {
        mac.update(part);
        mac.update(b"\n");
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pepper(byte: u8) -> Pepper {
        hex::encode(&[byte; 32]).parse().unwrap()
    }

    fn id(text: &str) -> KeyId {
        text.parse().unwrap()
    }

    #[test]
    fn a_pointer_opens_only_for_the_sealed_tenant() {
        let key = id("aaaaaaaaaaaa");
        let sealed = Pointer::seal(&key, "acme".parse().unwrap(), &pepper(1));
        let text = serde_json::to_string(&sealed).unwrap();
        let read = |text: &str| serde_json::from_str::<Pointer>(text).unwrap();
        assert_eq!(read(&text).open(&key, &pepper(1)).unwrap().as_str(), "acme");

        let moved = read(&text.replace("acme", "victim"));
        assert_eq!(moved.open(&key, &pepper(1)), None, "another tenant");
        assert_eq!(read(&text).open(&id("aaaaaaaaaaab"), &pepper(1)), None, "another key");
        assert_eq!(read(&text).open(&key, &pepper(2)), None, "another pepper");
        for seal in ["", "00", "zz", &"0".repeat(64)] {
            let invented = format!(r#"{{"tenant":"acme","seal":"{seal}"}}"#);
            assert_eq!(read(&invented).open(&key, &pepper(1)), None, "{seal}");
        }
    }

    #[test]
    fn other_texts_do_not_parse_as_pointers() {
        for text in ["", "null", "{}", r#"{"tenant":"acme"}"#, r#"{"tenant":"a:b","seal":"00"}"#] {
            assert!(serde_json::from_str::<Pointer>(text).is_err(), "{text}");
        }
    }
}
