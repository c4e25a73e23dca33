//! What is checked of a request's head and body before anybody works on it.
//!
//! The order matters: what is cheap comes first, and the depth is known to be sound before a parser recurses.

mod findings;
mod head;

pub use findings::personal_data;
pub use head::{check_content_encoding, check_header_texts, check_headers};

use cortex_api::Problem;
use cortex_api::body::{Checked, check_content_type, check_depth, check_length};
use cortex_api::routes::BodyLimit;

/// Checks all that can be told of a JSON body without knowing what it means: its size, content type, depth, syntax, and that
/// no secret stands in it. What passes can be read by the parsers of the API, and nothing else can.
///
/// # Errors
/// A problem that names what is wrong and where.
pub fn check_json<'a>(
    content_type: Option<&str>,
    body: &'a [u8],
    limit: BodyLimit,
) -> Result<Checked<'a>, Problem> {
    check_length(body.len(), limit.bytes())?;
    check_content_type(content_type)?;
    check_inner(body, limit)
}

/// Checks a JSON body that one of our own processes signed: it quotes no caller, so that no secret is looked for.
///
/// # Errors
/// If it is too large or too deep.
pub fn check_internal(body: &[u8], limit: BodyLimit) -> Result<Checked<'_>, Problem> {
    check_length(body.len(), limit.bytes())?;
    check_depth(body)?;
    Ok(Checked::trust(body))
}

/// Checks a JSON body that came without a content type, or within another message.
///
/// # Errors
/// A problem that names what is wrong and where.
pub fn check_inner(body: &[u8], limit: BodyLimit) -> Result<Checked<'_>, Problem> {
    check_length(body.len(), limit.bytes())?;
    check_depth(body)?;
    findings::refuse_secrets(body)?;
    Ok(Checked::trust(body))
}
