//! The TLS of the link. The origin shows a self-signed certificate, and a worker accepts only that
//! one.
//!
//! A worker identifies the certificate by its SHA-256, so no authority, name or date decides who
//! the origin is.

mod certificate;
mod fingerprint;
mod pinned;

pub use certificate::{Identity, IdentityError, fingerprint_of_pem};
pub use fingerprint::Fingerprint;
pub(crate) use pinned::connector;

/// The protocol inside TLS.
const ALPN: &[u8] = b"h2";
