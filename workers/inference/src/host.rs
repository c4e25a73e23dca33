//! The model host: a worker's own HTTP door, for whoever develops against a model on this machine.
//!
//! It asks no key and no policy, and says so in its health: serve it on loopback only.

mod embed;
mod language;
mod refuse;
mod sse;

pub use embed::router as embed;
pub use language::{metrics_router as metrics, router as language};
