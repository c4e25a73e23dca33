//! The code that the Worker's Durable Objects share: typed requests and SQL.

pub(crate) mod request;
pub(crate) mod sql;
