//! What both doors check, so that the edge and the origin can't disagree: keys, request signatures,
//! prechecks of a body, problem details, and the bodies of the public API.
//!
//! Nothing here is asynchronous or reads a clock; time and random bytes are arguments. It builds for
//! wasm32, where every kilobyte counts: the scanners are written by hand instead of with a regex engine.

pub mod accept;
pub mod api;
pub mod cors;
pub mod fingerprint;
pub mod flags;
pub mod headers;
mod hex;
pub mod hops;
pub mod keys;
pub mod loopback;
pub mod precheck;
pub mod prefer;
pub mod problem;
mod quote;
pub mod rfc3339;
pub mod signature;
mod text;
pub mod topics;
pub mod trace;

pub use problem::{Kind, Problem, Shape};
