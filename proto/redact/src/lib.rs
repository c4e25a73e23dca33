//! Finds credentials and personal data in texts and JSON documents, and quotes texts without them.
//!
//! The edge and the gateway reject inputs with secrets, and messages hide them. The scanners are
//! written by hand instead of with a regex engine, because the crate builds for wasm32, where every
//! kilobyte counts. Their work is linear in the length of the text.

mod findings;
mod fold;
mod json_path;
mod look_alikes;
mod personal;
mod quote;
mod secrets;
mod steps;
mod strings;

pub use findings::{Finding, personal_data, secret};
pub use quote::{HIDDEN, cut, quoted};
