//! `/internal`, for requests that the edge signed.

pub(crate) mod revoked;
