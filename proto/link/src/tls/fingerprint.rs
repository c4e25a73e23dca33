//! The SHA-256 of a certificate.

use std::fmt;
use std::str::FromStr;

use cortex_domain::hex;
use cortex_domain::id::ParseError;
use sha2::{Digest, Sha256};

/// The SHA-256 of a certificate's DER form, in text `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Returns the fingerprint of a certificate in DER form.
    #[must_use]
    pub fn of(certificate: &[u8]) -> Self {
        Self(Sha256::digest(certificate).into())
    }
}

impl FromStr for Fingerprint {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let wrong = || ParseError {
            what: "fingerprint",
            reason: "expected `sha256:` and 64 hexadecimal digits, with or without colons between pairs",
        };
        let digits = text.strip_prefix("sha256:").ok_or_else(wrong)?.replace(':', "");
        let hash = hex::decode(&digits).and_then(|bytes| bytes.try_into().ok());
        hash.map(Self).ok_or_else(wrong)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", hex::encode(&self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_reads_back_also_as_openssl_writes_it() {
        let fingerprint = Fingerprint::of(b"abc");
        let text = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(fingerprint.to_string(), text);
        assert_eq!(text.parse(), Ok(fingerprint));
        let pairs: Vec<_> =
            text.as_bytes()["sha256:".len()..].chunks(2).map(String::from_utf8_lossy).collect();
        assert_eq!(format!("sha256:{}", pairs.join(":").to_uppercase()).parse(), Ok(fingerprint));
        for bad in ["", "sha256:", &text[7..], &text[..70], "sha1:00", &text.replace('b', "g")] {
            assert!(bad.parse::<Fingerprint>().is_err(), "{bad}");
        }
    }
}
