//! The client of the public HTTP API, at the edge or at the origin: what the CLI and the tests call it with.
//!
//! An answer of the API is a value of `cortex-api`; everything else is a [`CallError`]. The client follows no redirects,
//! so that a key goes to the address that was named and to no other.

mod admin;
mod answer;
mod api;
mod chat;
mod embed;
mod error;
mod follow;
mod http;
mod sse;

#[cfg(test)]
mod tests;

pub use admin::Admin;
pub use answer::Health;
pub use api::{Api, Listing, health};
pub use chat::{ChatMessage, ChatRequest, ChatStream};
pub use error::{CallError, Refused};
pub use follow::{Follow, Update};
