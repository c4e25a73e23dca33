//! The size limit of a body.

use crate::problem::Problem;
use cortex_domain::ErrorCode;

/// Checks that a body, or the part that has arrived, has at most `limit` bytes.
///
/// # Errors
/// Returns an error if it has more.
pub fn check_length(bytes: usize, limit: usize) -> Result<(), Problem> {
    if bytes > limit { Err(too_large(limit)) } else { Ok(()) }
}

/// Checks a `Content-Length` before the body is read. A missing header passes, and the caller then
/// counts the bytes.
///
/// # Errors
/// Returns an error if it announces more than `limit` bytes, or is not a number.
pub fn check_content_length(header: Option<&str>, limit: usize) -> Result<(), Problem> {
    let Some(text) = header else { return Ok(()) };
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Problem::new(
            ErrorCode::InvalidRequest,
            "invalid header `Content-Length`: must be \
            a number",
        ));
    }
    match text.parse::<usize>() {
        Ok(length) if length <= limit => Ok(()),
        _ => Err(too_large(limit)),
    }
}

fn too_large(limit: usize) -> Problem {
    Problem::new(ErrorCode::TooLarge, format!("the body is too large: must have at most {limit} bytes"))
        .with("limit", limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_may_have_as_many_bytes_as_its_limit_and_no_more() {
        assert!(check_length(1000, 1000).is_ok());
        let refused = check_length(1001, 1000).unwrap_err();
        assert_eq!((refused.kind, &refused.extensions["limit"]), (ErrorCode::TooLarge, &1000.into()));
    }

    #[test]
    fn a_length_is_checked_before_the_body_comes() {
        assert!(check_content_length(None, 1000).is_ok() && check_content_length(Some("1000"), 1000).is_ok());
        for (text, kind) in [
            ("1001", ErrorCode::TooLarge),
            ("99999999999999999999999", ErrorCode::TooLarge),
            ("-1", ErrorCode::InvalidRequest),
            ("", ErrorCode::InvalidRequest),
            ("5, 5", ErrorCode::InvalidRequest),
        ] {
            assert_eq!(check_content_length(Some(text), 1000).unwrap_err().kind, kind, "{text}");
        }
    }
}
