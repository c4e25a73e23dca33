//! What must not be repeated: finds credentials and personal data in texts and JSON documents, and quotes texts without them.
//!
//! Doors refuse inputs by it, and messages hide what they must not repeat. The scanners are written by hand instead of with a
//! regex engine, since this builds for wasm32, where every kilobyte counts. Their work is linear in the text's length.

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
