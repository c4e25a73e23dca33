//! The tenant's API keys: their records, the requests about them, and the revocations that the
//! origin does not know yet.

mod answers;
pub(super) mod requests;
pub(super) mod revocations;
mod table;
