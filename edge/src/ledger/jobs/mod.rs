//! The tenant's jobs: those that the origin has not accepted yet, with the data to send them, and
//! for a while the states of the others.
//!
//! `entry` and `requests` are the types for the Worker. `row` converts between rows and jobs of
//! [`cortex_guard::ledger`], and `table` holds the statements. `transition` is the only code that
//! changes a job, and `effects` performs what follows. The other modules handle requests.

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
