//! The tenant's jobs: those that the origin hasn't taken yet, with all it takes to send them, and for a while the states of
//! the others.
//!
//! `entry` and `requests` are what the Worker sees. `row` reads and writes a job as [`cortex_guard::ledger`] knows it, `table`
//! holds the statements, and `transition` is the one way by which a job changes, `effects` what follows it. The others answer requests.

mod accept;
mod effects;
pub(crate) mod entry;
mod idempotency;
mod look;
mod report;
pub(crate) mod requests;
mod row;
mod sending;
pub(super) mod table;
mod transition;

#[cfg(test)]
mod tests;
