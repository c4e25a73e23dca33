//! The content type.

use crate::problem::Problem;
use cortex_domain::ErrorCode;

/// Checks that a body is JSON in UTF-8: `application/json`, with no parameter but the charset.
///
/// # Errors
/// Returns an error if the header is missing or has another value.
pub fn check_content_type(header: Option<&str>) -> Result<(), Problem> {
    let header = header.unwrap_or_default();
    let mut parts = header.split(';').map(str::trim);
    let json = parts.next().is_some_and(|media| media.eq_ignore_ascii_case("application/json"));
    let utf8 = |parameter: &str| {
        let (name, value) = parameter.split_once('=').unwrap_or_default();
        name.eq_ignore_ascii_case("charset") && value.trim_matches('"').eq_ignore_ascii_case("utf-8")
    };
    if json && parts.all(|parameter| parameter.is_empty() || utf8(parameter)) {
        Ok(())
    } else {
        Err(Problem::new(
            ErrorCode::UnsupportedMediaType,
            "invalid header `Content-Type`: must be `application/json` in UTF-8",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_in_utf_8_is_taken_and_nothing_else() {
        for good in
            ["application/json", "Application/JSON; charset=UTF-8", "application/json;charset=\"utf-8\";"]
        {
            assert!(check_content_type(Some(good)).is_ok(), "{good}");
        }
        for bad in [
            None,
            Some(""),
            Some("text/plain"),
            Some("application/jsonp"),
            Some("application/json; charset=latin1"),
            Some("application/json; boundary=x"),
        ] {
            assert_eq!(check_content_type(bad).unwrap_err().kind, ErrorCode::UnsupportedMediaType, "{bad:?}");
        }
    }
}
