//! The checks of a request's head and body before any work is done.
//!
//! The order matters: cheap checks come first, and the depth is checked before a parser recurses.

mod findings;
mod head;

pub use findings::personal_data;
pub use head::{check_content_encoding, check_header_texts, check_headers};

use cortex_api::Problem;
use cortex_api::body::{Checked, check_content_type, check_depth, check_length};
use cortex_api::routes::BodyLimit;

/// Checks a JSON body as far as possible without knowing its meaning: its size, content type,
/// depth, syntax, and that it contains no secret. Only a body that passes can be parsed by the
/// API's parsers.
///
/// # Errors
/// Returns a problem that names the error and its place.
pub fn check_json<'a>(
    content_type: Option<&str>,
    body: &'a [u8],
    limit: BodyLimit,
) -> Result<Checked<'a>, Problem> {
    check_length(body.len(), limit.bytes())?;
    check_content_type(content_type)?;
    check_inner(body, limit)
}

/// Checks a JSON body that a process of this system signed. It contains no text of a caller, so it
/// is not searched for secrets.
///
/// # Errors
/// Returns an error if it is too large or too deep.
pub fn check_internal(body: &[u8], limit: BodyLimit) -> Result<Checked<'_>, Problem> {
    check_length(body.len(), limit.bytes())?;
    check_depth(body)?;
    Ok(Checked::trust(body))
}

/// Checks a JSON body without a content type, or within another message.
///
/// # Errors
/// Returns a problem that names the error and its place.
pub fn check_inner(body: &[u8], limit: BodyLimit) -> Result<Checked<'_>, Problem> {
    check_length(body.len(), limit.bytes())?;
    check_depth(body)?;
    findings::refuse_secrets(body)?;
    Ok(Checked::trust(body))
}
