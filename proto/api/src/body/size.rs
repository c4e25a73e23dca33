//! Limits on size.

use crate::problem::Problem;
use cortex_domain::ErrorCode;

/// The largest body: 1 MiB.
pub const MAX_BODY: usize = 1024 * 1024;

/// Checks a body that was read whole.
///
/// # Errors
/// If it is larger than [`MAX_BODY`].
pub fn check_body(body: &[u8]) -> Result<(), Problem> {
    if body.len() > MAX_BODY { Err(too_large()) } else { Ok(()) }
}

/// Checks a `Content-Length` before the body is read. One that lacks passes: the body is then counted.
///
/// # Errors
/// If it announces too much, or is not a number.
pub fn check_content_length(header: Option<&str>) -> Result<(), Problem> {
    let Some(text) = header else { return Ok(()) };
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Problem::new(ErrorCode::InvalidRequest, "the content length is not a number"));
    }
    match text.parse::<usize>() {
        Ok(length) if length <= MAX_BODY => Ok(()),
        _ => Err(too_large()),
    }
}

fn too_large() -> Problem {
    Problem::new(ErrorCode::TooLarge, format!("a body has at most {MAX_BODY} bytes")).with("limit", MAX_BODY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_may_have_a_mebibyte_and_no_more() {
        assert!(check_body(&vec![0; MAX_BODY]).is_ok());
        assert_eq!(check_body(&vec![0; MAX_BODY + 1]).unwrap_err().kind, ErrorCode::TooLarge);
    }

    #[test]
    fn a_length_is_checked_before_the_body_comes() {
        assert!(check_content_length(None).is_ok() && check_content_length(Some("1048576")).is_ok());
        for (text, kind) in [
            ("1048577", ErrorCode::TooLarge),
            ("99999999999999999999999", ErrorCode::TooLarge),
            ("-1", ErrorCode::InvalidRequest),
            ("", ErrorCode::InvalidRequest),
            ("5, 5", ErrorCode::InvalidRequest),
        ] {
            assert_eq!(check_content_length(Some(text)).unwrap_err().kind, kind, "{text}");
        }
    }
}
