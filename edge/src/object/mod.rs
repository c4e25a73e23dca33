//! What the Worker's Durable Objects share: requests that name their reply, and SQL.

pub(crate) mod request;
pub(crate) mod sql;
