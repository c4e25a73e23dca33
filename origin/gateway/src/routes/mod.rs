//! The handlers of the routes. The folders mirror the paths, and the route table is in
//! `cortex_api::routes`.

mod access;
mod api;
mod chat;
mod health;
mod internal;
mod openapi;
mod router;
mod v1;

pub(crate) use router::router;
