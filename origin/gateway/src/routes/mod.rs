//! What each route does. The folders mirror the paths, and the table of routes is `cortex_api::routes`.

mod access;
mod api;
mod chat;
mod health;
mod internal;
mod openapi;
mod router;
mod v1;

pub(crate) use router::router;
