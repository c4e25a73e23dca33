//! What each route does, a file for each; the table of them is `cortex_api::routes`.

pub(crate) mod admin;
pub(crate) mod create;
pub(crate) mod events;
pub(crate) mod health;
pub(crate) mod job;
pub(crate) mod list;
pub(crate) mod proxy;
