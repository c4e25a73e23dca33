//! TLS of the link: the origin shows a certificate that it made for itself, and a worker takes that one alone.
//!
//! A worker knows the certificate by its SHA-256, so that no authority, name or date has a say in who the origin is.

mod certificate;
mod fingerprint;
mod pinned;

pub use certificate::{Identity, IdentityError, fingerprint_of_pem};
pub use fingerprint::Fingerprint;
pub(crate) use pinned::connector;

/// What both ends speak inside TLS.
const ALPN: &[u8] = b"h2";
