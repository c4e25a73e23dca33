//! Signatures of requests between the edge, the origin and the CLI.
//!
//! The signature is HMAC-SHA256 over a canonical text. Its lines are the version, the method, the
//! path, the query (without `?`) and the content type, then every covered header except the
//! signature itself as `name:value`, with names in lower case and sorted. The signature covers
//! every `cortex-*` header, and those of a client's headers that change what the origin does: see
//! [`cortex_api::headers::is_signed`]. The time, the nonce, the key id, and the body's length and
//! SHA-256 are such headers, so the head can be verified before the body arrives. `vectors.json`
//! has examples for other implementations.

mod body;
mod canonical;
mod instance;
mod keyring;
mod nonce;
mod verify;

#[cfg(test)]
mod tests;

use cortex_domain::time::Timestamp;

pub use body::Announced;
pub use instance::Instance;
pub use keyring::{Keyring, KeyringError, SigningKey};
pub use nonce::{Nonce, NonceMemory, NonceState};
pub use verify::{AHEAD, SignatureError, Verified, WINDOW, verify};

use cortex_api::headers::{KEY_ID, NONCE, SIGNATURE, TIME};
use cortex_domain::hex;

/// A request without its headers. The path and query are as on the wire, undecoded. A missing query
/// or content type is the empty text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Request<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub query: &'a str,
    pub content_type: &'a str,
    pub body: &'a [u8],
}

/// A request without its body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Head<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub query: &'a str,
    pub content_type: &'a str,
}

impl<'a> Request<'a> {
    fn head(&self) -> Head<'a> {
        let Self { method, path, query, content_type, .. } = *self;
        Head { method, path, query, content_type }
    }
}

/// A part of a request with an ambiguous meaning, which can't be signed: a line break or control
/// character, or a header that may occur once and occurs twice.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the {0} can't be signed")]
pub struct Ambiguous(pub &'static str);

/// Signs a request. `headers` are all headers of the request. Those that the signature does not
/// cover are ignored. Returns the headers to add.
///
/// # Errors
/// Returns an error if a part of the request is ambiguous.
pub fn sign<N: AsRef<str>, V: AsRef<[u8]>>(
    request: &Request<'_>,
    headers: impl IntoIterator<Item = (N, V)>,
    key: &SigningKey,
    now: Timestamp,
    nonce: Nonce,
) -> Result<[(&'static str, String); 6], Ambiguous> {
    let [length, digest] = Announced::of(request.body).headers();
    let stamp = [
        (TIME, now.as_millis().to_string()),
        (NONCE, nonce.to_string()),
        (KEY_ID, key.id().to_owned()),
        length,
        digest,
    ];
    let mut covered = canonical::covered(headers)?;
    for (name, value) in &stamp {
        if covered.iter().any(|(known, _)| known == name) {
            return Err(Ambiguous("repeated header"));
        }
        covered.push(((*name).to_owned(), value.clone()));
    }
    let signature = key.mac(&canonical::text(&request.head(), covered)?);
    let [time, nonce, key_id, length, digest] = stamp;
    Ok([time, nonce, key_id, length, digest, (SIGNATURE, hex::encode(&signature))])
}
