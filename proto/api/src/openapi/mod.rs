//! The OpenAPI 3.1 document, which describes the routes, their bodies and their responses.
//!
//! It is generated from the route table and from schemas that are derived from the types of the
//! bodies, by a feature that only a test enables. The test compares it with the checked-in text,
//! which the edge and the origin serve.

/// The checked-in document, which `GET /openapi.json` returns.
pub const TEXT: &str = include_str!("../../../../docs/openapi.json");

#[cfg(feature = "schema")]
mod document;
#[cfg(feature = "schema")]
mod errors;
#[cfg(feature = "schema")]
mod operations;
#[cfg(feature = "schema")]
mod parameters;
#[cfg(feature = "schema")]
mod schemas;

#[cfg(feature = "schema")]
pub use document::{document, text};
