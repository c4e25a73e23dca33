//! The OpenAPI 3.1 document: what a program can know of the routes, their bodies and answers.
//!
//! It is written from the table of routes and from the schemas here, by a feature that only tests and the generator
//! enable. The doors serve the text that is checked in.

/// The document, as it is checked in and served at `GET /openapi.json`.
pub const TEXT: &str = include_str!("../../../../docs/openapi.json");

#[cfg(feature = "openapi")]
mod answers;
#[cfg(feature = "openapi")]
mod bodies;
#[cfg(feature = "openapi")]
mod document;
#[cfg(feature = "openapi")]
mod errors;
#[cfg(feature = "openapi")]
mod operations;
#[cfg(feature = "openapi")]
mod parameters;
#[cfg(feature = "openapi")]
mod schema;

#[cfg(feature = "openapi")]
pub use document::{document, text};
