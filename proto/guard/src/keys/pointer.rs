//! Which tenant's ledger knows a key. That is all that a shared table says of a key, and it is sealed, so that whoever
//! can write to the table can't lead a key anywhere.

use cortex_domain::id::{KeyId, Tenant};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::Pepper;
use cortex_domain::hex;

/// Sets a seal apart from the hash of a key's secret, which is made with the same pepper and has another length.
const PURPOSE: &[u8] = b"cortex-key-pointer-v1";

/// The tenant of a key, with a seal that only who has the pepper can make.
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

    /// The tenant whose ledger is to be asked about the key `id`; `None` if it was sealed for another key or tenant.
    #[must_use]
    pub fn open(self, id: &KeyId, pepper: &Pepper) -> Option<Tenant> {
        let told = hex::decode(&self.seal)?;
        let sound: bool = told.ct_eq(&seal(id, &self.tenant, pepper)).into();
        sound.then_some(self.tenant)
    }
}

fn seal(id: &KeyId, tenant: &Tenant, pepper: &Pepper) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(&pepper.0).expect("HMAC takes a key of any length");
    // Neither ids nor tenants hold a line break.
    for part in [PURPOSE, id.as_str().as_bytes(), tenant.as_str().as_bytes()] {
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
    fn a_pointer_leads_to_the_tenant_that_it_was_sealed_for_and_nowhere_else() {
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
    fn what_is_no_pointer_does_not_read_as_one() {
        for text in ["", "null", "{}", r#"{"tenant":"acme"}"#, r#"{"tenant":"a:b","seal":"00"}"#] {
            assert!(serde_json::from_str::<Pointer>(text).is_err(), "{text}");
        }
    }
}
