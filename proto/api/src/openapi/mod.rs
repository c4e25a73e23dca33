//! The OpenAPI 3.1 document: what a program can know of the routes, their bodies and answers.
//!
//! It is written from the table of routes and from schemas that are derived from the types of the bodies, by a feature
//! that only a test enables. The test compares it with the text that is checked in, which is what the doors serve.

/// The document, as it is checked in and served at `GET /openapi.json`.
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
