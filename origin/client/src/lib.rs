//! A client of the public HTTP API, at the edge or at the origin. The CLI and the tests use it.
//!
//! A successful response is a value of `cortex-api`, every failure is a [`CallError`]. The client
//! follows no redirects, so that it sends a key only to the address that the caller named.

mod admin;
mod api;
mod chat;
mod embed;
mod error;
mod follow;
mod http;
mod response;
mod sse;

#[cfg(test)]
mod tests;

pub use admin::Admin;
pub use api::{Api, JobQuery, health};
pub use chat::{ChatMessage, ChatRequest, ChatStream};
pub use error::{ApiError, CallError};
pub use follow::{JobFollower, JobUpdate};
pub use response::Health;
