//! The model host: a worker's own HTTP server, for local development against a model.
//!
//! It checks no policy, and no key unless one is set, and its health endpoint says so. Serve it on
//! loopback only, behind [`Access`], which keeps web pages out.

mod access;
mod body;
mod embed;
mod error;
mod language;
mod metrics;
mod sse;

pub use access::{Access, HostKey, KeyMissing, WeakKey};
pub use embed::router as embed;
pub use language::{metrics_text, router as language};
pub use metrics::router as metrics;
