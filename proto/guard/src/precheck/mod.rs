//! What is checked of a request's head and body before anybody works on it.
//!
//! The order matters: what is cheap comes first, and the depth is known to be sound before a parser recurses.

mod depth;
mod findings;
mod fold;
mod head;
mod json;
mod look_alikes;
mod media;
mod personal;
mod place;
mod secrets;
mod size;
mod steps;
mod strings;

pub use depth::{MAX_DEPTH, check_depth};
pub use findings::{Finding, personal_data, refuse_secrets, secret};
pub use head::{check_content_encoding, check_header_texts};
pub use json::parse;
pub(crate) use json::unreadable;
pub use media::check_content_type;
pub(crate) use place::HIDDEN;
pub use size::{MAX_BODY, check_body, check_content_length, check_headers};

use crate::problem::Problem;

/// Whether a text looks like a credential.
pub(crate) fn holds_secret(text: &str) -> bool {
    secrets::kind(text).is_some()
}

/// Checks all that can be told of a JSON body without knowing what it means: its size, content type, depth,
/// syntax, and that no secret stands in it.
///
/// # Errors
/// A problem that names what is wrong and where.
pub fn check_json(content_type: Option<&str>, body: &[u8]) -> Result<(), Problem> {
    check_body(body)?;
    check_content_type(content_type)?;
    check_depth(body)?;
    refuse_secrets(body)
}
