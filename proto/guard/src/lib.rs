//! What both doors check, so that the edge and the origin can't disagree: keys, request signatures, and what a request's head
//! and body may hold.
//!
//! Nothing here is asynchronous or reads a clock; time and random bytes are arguments. It builds for wasm32, where every
//! kilobyte counts.

pub mod cors;
pub mod fingerprint;
pub mod flags;
pub mod keys;
pub mod ledger;
pub mod loopback;
pub mod precheck;
pub mod signature;
