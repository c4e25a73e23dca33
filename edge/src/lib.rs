//! The public door: a Cloudflare Worker. It admits callers, checks what they send, and hands it on: calls
//! that wait go through to the origin, jobs go into the tenant's ledger and from there, by queue or alarm,
//! to the origin. What is checked, and how, is decided in `cortex-guard`; this crate acts.
//!
//! A panic takes all requests in flight down with it, so nothing here may panic.

mod admit;
mod answer;
mod body;
mod budget;
mod clock;
mod config;
mod cors;
mod deliver;
mod disconnect;
mod door;
mod envelope;
mod error;
mod incoming;
mod key_checks;
mod ledger;
mod limits;
mod log;
mod nonces;
mod object;
mod offloaded;
mod origin;
mod queue;
mod random;
mod revoked;
mod routes;
mod signed;
mod stream;

pub use ledger::Ledger;
pub use nonces::Nonces;
