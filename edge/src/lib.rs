//! The public edge: a Cloudflare Worker. It authenticates callers and checks requests. It proxies
//! calls that wait for the origin, and commits jobs to the tenant's ledger, from where the queue or
//! the alarm delivers them to the origin. `cortex-guard` contains the rules, and this crate
//! performs the actions.
//!
//! A panic ends all requests in flight, so nothing here may panic.

mod admit;
mod answer;
mod body;
mod budget;
mod clock;
mod config;
mod cors;
mod deliver;
mod disconnect;
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
mod router;
mod routes;
mod signed;
mod stream;
mod trace;

pub use ledger::Ledger;
pub use nonces::Nonces;
