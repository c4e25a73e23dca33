//! Fingerprints, which tell whether two requests under one idempotency key are equal.

use cortex_domain::job::{ContentDigest, Fingerprint};
use sha2::{Digest, Sha256};

/// Returns the SHA-256 over the method, path, content type and body. The length precedes each of
/// them, so that none can extend into the next.
#[must_use]
pub fn of(method: &str, path: &str, content_type: &str, body: &[u8]) -> Fingerprint {
    let content_type = content_type.trim().to_ascii_lowercase();
    let mut digest = Sha256::new();
    for part in [method.as_bytes(), path.as_bytes(), content_type.as_bytes(), body] {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    Fingerprint(digest.finalize().into())
}

/// Returns the SHA-256 of an input.
#[must_use]
pub fn content(input: &[u8]) -> ContentDigest {
    ContentDigest(Sha256::digest(input).into())
}

/// Encodes a fingerprint in hexadecimal.
#[must_use]
pub fn text(fingerprint: &Fingerprint) -> String {
    cortex_domain::hex::encode(&fingerprint.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_counts() {
        let base = of("POST", "/api/v1/jobs", "application/json", b"{}");
        assert_eq!(base, of("POST", "/api/v1/jobs", " Application/JSON", b"{}"));
        for other in [
            of("PUT", "/api/v1/jobs", "application/json", b"{}"),
            of("POST", "/v1/embeddings", "application/json", b"{}"),
            of("POST", "/api/v1/jobs", "", b"{}"),
            of("POST", "/api/v1/jobs", "application/json", b"{ }"),
            of("POST", "/api/v1/jobsa", "pplication/json", b"{}"),
        ] {
            assert_ne!(base, other);
        }
        assert_eq!(text(&base).len(), 64);
    }
}
