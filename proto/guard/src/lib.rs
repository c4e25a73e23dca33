//! The checks that the edge and the origin share, so that they can't disagree: keys, request
//! signatures, and the rules for a request's head and body.
//!
//! Nothing here is asynchronous or reads a clock. Time and random bytes are arguments. The crate
//! builds for wasm32, where every kilobyte counts.

pub mod cors;
pub mod fingerprint;
pub mod flags;
pub mod keys;
pub mod ledger;
pub mod loopback;
pub mod precheck;
pub mod signature;
