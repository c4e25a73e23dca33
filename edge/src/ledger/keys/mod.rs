//! The tenant's API keys: their records, what is asked about them, and which revocations the origin has yet to hear of.

mod answers;
pub(super) mod requests;
pub(super) mod revocations;
mod table;
