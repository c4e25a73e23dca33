//! The body that a signed head announces, so that the head can be verified before the body is read.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::SignatureError;
use cortex_api::headers::{BODY_DIGEST, BODY_LENGTH};
use cortex_domain::hex;

/// The announced body. The received body must be checked against it: see [`Self::check`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Announced {
    length: u64,
    digest: [u8; 32],
}

impl Announced {
    pub(super) fn of(body: &[u8]) -> Self {
        Self { length: body.len() as u64, digest: Sha256::digest(body).into() }
    }

    pub(super) fn parse(length: &str, digest: &str) -> Result<Self, SignatureError> {
        let decimal = !length.is_empty() && length.bytes().all(|b| b.is_ascii_digit());
        let length = length.parse().ok().filter(|_| decimal).ok_or(SignatureError::Header(BODY_LENGTH))?;
        let digest = hex::decode(digest).and_then(|bytes| bytes.try_into().ok());
        Ok(Self { length, digest: digest.ok_or(SignatureError::Header(BODY_DIGEST))? })
    }

    pub(super) fn headers(&self) -> [(&'static str, String); 2] {
        [(BODY_LENGTH, self.length.to_string()), (BODY_DIGEST, hex::encode(&self.digest))]
    }

    /// Returns the length of the body in bytes.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Checks the received body.
    ///
    /// # Errors
    /// Returns an error if it differs from the announced one.
    pub fn check(&self, body: &[u8]) -> Result<(), SignatureError> {
        let digest: [u8; 32] = Sha256::digest(body).into();
        let same: bool = self.digest.ct_eq(&digest).into();
        if self.length == body.len() as u64 && same { Ok(()) } else { Err(SignatureError::Mismatch) }
    }
}
