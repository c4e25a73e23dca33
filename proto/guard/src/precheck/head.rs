//! Headers that say how to read a body, or what the caller wants.

use cortex_api::{Problem, headers};
use cortex_domain::ErrorCode;

/// Headers that change what a server does, in addition to the signed ones.
const INTERPRETED_HEADERS: [&str; 2] = ["content-encoding", "content-type"];

/// Checks that the interpreted headers are ASCII, as HTTP requires. Each hop could read another
/// encoding differently.
///
/// # Errors
/// Returns an error that names the first header that is not ASCII.
pub fn check_header_texts<N: AsRef<str>, V: AsRef<[u8]>>(
    all: impl IntoIterator<Item = (N, V)>,
) -> Result<(), Problem> {
    for (name, value) in all {
        let name = name.as_ref();
        let is_read = headers::is_signed(name)
            || INTERPRETED_HEADERS.iter().any(|read| read.eq_ignore_ascii_case(name));
        let is_text = |b: &u8| *b == b'\t' || (b' '..=b'~').contains(b);
        if is_read && !value.as_ref().iter().all(is_text) {
            let name = name.to_ascii_lowercase();
            let detail = format!("invalid header `{name}`: must be ASCII");
            return Err(Problem::new(ErrorCode::InvalidRequest, detail).at(name));
        }
    }
    Ok(())
}

/// Checks that a body has no content coding. Compressed bodies are not supported, because a few
/// bytes may expand to very many.
///
/// # Errors
/// Returns an error if the header names a coding other than `identity`.
pub fn check_content_encoding<'a>(headers: impl IntoIterator<Item = &'a str>) -> Result<(), Problem> {
    let mut codings = headers.into_iter().flat_map(|header| header.split(',')).map(str::trim);
    let coded = codings.find(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("identity"));
    let Some(coding) = coded else { return Ok(()) };
    let is_token = coding.len() <= 32 && coding.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let coding = if is_token { format!("`{coding}`") } else { "that coding".to_owned() };
    let detail = format!("unsupported content coding {coding} (expected a body without `Content-Encoding`)");
    let problem = Problem::new(ErrorCode::UnsupportedMediaType, detail).at("content-encoding");
    Err(problem.with("accept_encoding", "identity"))
}

/// Checks the total size of a request's headers.
///
/// # Errors
/// Returns an error if they exceed [`headers::MAX_BYTES`].
pub fn check_headers<N: AsRef<str>, V: AsRef<[u8]>>(
    all: impl IntoIterator<Item = (N, V)>,
) -> Result<(), Problem> {
    if headers::bytes(all) > headers::MAX_BYTES {
        let limit = headers::MAX_BYTES;
        Err(Problem::new(
            ErrorCode::HeadersTooLarge,
            format!(
                "the headers are too large: must have \
            at most {limit} bytes"
            ),
        )
        .with("limit", limit))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_counted_together() {
        let value = "x".repeat(1000);
        assert!(check_headers([("name", &value); 16]).is_ok());
        assert_eq!(check_headers([("name", &value); 17]).unwrap_err().kind, ErrorCode::HeadersTooLarge);
    }

    #[test]
    fn an_interpreted_header_must_be_ascii() {
        let texts = |name: &str, value: &[u8]| check_header_texts([(name, value)]);
        for name in ["Content-Type", "accept", "Prefer", "idempotency-key", "last-event-id", "cortex-x"] {
            assert!(texts(name, b"application/json; a=\"b\"\t").is_ok(), "{name}");
            for bad in ["application/jsön".as_bytes(), b"\xe9", b"a\x7f", "\u{202e}".as_bytes()] {
                let problem = texts(name, bad).unwrap_err();
                assert_eq!(problem.kind, ErrorCode::InvalidRequest, "{name}");
                assert_eq!(problem.param(), Some(name.to_ascii_lowercase().as_str()));
            }
        }
        assert!(texts("user-agent", "é".as_bytes()).is_ok());
    }

    #[test]
    fn a_coded_body_is_refused_by_the_coding_s_name() {
        for good in [&[][..], &["identity"], &["Identity, identity"], &[""]] {
            assert!(check_content_encoding(good.iter().copied()).is_ok(), "{good:?}");
        }
        for (bad, named) in [
            (&["gzip"][..], "`gzip`"),
            (&["identity, zstd"], "`zstd`"),
            (&["identity", "br"], "`br`"),
            (&["GZIP"], "`GZIP`"),
            (&["<script>"], "that coding"),
        ] {
            let problem = check_content_encoding(bad.iter().copied()).unwrap_err();
            assert_eq!(problem.kind, ErrorCode::UnsupportedMediaType);
            assert!(problem.detail.contains(named), "{}", problem.detail);
            let rendered = problem.render(cortex_api::Shape::OpenAi).headers;
            assert_eq!(rendered, [("accept-encoding", "identity".to_owned())]);
        }
    }
}
