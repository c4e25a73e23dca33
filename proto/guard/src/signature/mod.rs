//! Signatures over requests between the edge, the origin and the CLI.
//!
//! HMAC-SHA256 over a canonical text, line by line: the version, method, path, query (without `?`), content
//! type, SHA-256 of the body in hex, then every `cortex-*` header but the signature itself as `name:value`,
//! names in lower case and sorted. The signature's own time, nonce and key id are such headers, so they are
//! covered too. `vectors.json` holds worked examples for other implementations.

mod canonical;
mod keyring;
mod nonce;
mod verify;

#[cfg(test)]
mod tests;

use cortex_domain::time::Timestamp;

pub use keyring::{Keyring, KeyringError, SigningKey};
pub use nonce::{Nonce, NonceMemory, Seen};
pub use verify::{Refusal, Verified, WINDOW, verify};

use crate::headers::{KEY_ID, NONCE, SIGNATURE, TIME};
use crate::hex;

/// What a request is, apart from its `cortex-*` headers. The path and query are as they stand on the wire,
/// undecoded; an absent query or content type is the empty text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Request<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub query: &'a str,
    pub content_type: &'a str,
    pub body: &'a [u8],
}

/// Something that can't be signed without doubt about what was meant: a line break or control character in
/// a part, or a `cortex-*` header that occurs twice.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the {0} can't be signed")]
pub struct Ambiguous(pub &'static str);

/// Signs a request. `headers` are those the request will have; only `cortex-*` ones count. Returns the four
/// headers to add.
///
/// # Errors
/// If a part of the request is ambiguous.
pub fn sign<N: AsRef<str>, V: AsRef<[u8]>>(
    request: &Request<'_>,
    headers: impl IntoIterator<Item = (N, V)>,
    key: &SigningKey,
    now: Timestamp,
    nonce: Nonce,
) -> Result<[(&'static str, String); 4], Ambiguous> {
    let stamp =
        [(TIME, now.as_millis().to_string()), (NONCE, nonce.to_string()), (KEY_ID, key.id().to_owned())];
    let mut covered = canonical::covered(headers)?;
    covered.extend(stamp.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    let signature = key.mac(&canonical::text(request, covered)?);
    let [time, nonce, key_id] = stamp;
    Ok([time, nonce, key_id, (SIGNATURE, hex::encode(&signature))])
}
