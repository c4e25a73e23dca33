//! `/internal`, for what the edge signed.

pub(crate) mod revoked;
