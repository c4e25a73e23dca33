//! The handlers of the routes, one file for each. `cortex_api::routes` has the table.

pub(crate) mod admin;
pub(crate) mod create;
pub(crate) mod events;
pub(crate) mod health;
pub(crate) mod job;
pub(crate) mod list;
pub(crate) mod proxy;
