//! The model host: a worker's own HTTP door, for whoever develops against a model on this machine.
//!
//! It asks no policy, and no key unless one is set, and says so in its health: serve it on loopback only, behind
//! [`Access`], which keeps web pages out.

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
