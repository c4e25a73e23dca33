//! The content of a complete head.

use crate::{Fault, Rules};

/// Maximum number of headers of a request. hyper has the same limit.
pub const MAX_HEADERS: usize = 100;
pub(crate) const END_OF_HEAD: &[u8] = b"\r\n\r\n";
/// HTTP/2's preface up to the first empty line. `SM` follows.
const HTTP2: &[u8] = b"PRI * HTTP/2.0\r\n\r\n";
/// With this number of digits, lengths and chunk sizes never overflow, neither here nor in
/// JavaScript.
pub(crate) const MAX_DIGITS: usize = 15;

/// How the end of a body is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    Length(u64),
    Chunked,
}

/// Parses a head that ends with [`END_OF_HEAD`]. Every line must end with CR and LF.
pub(crate) fn read(head: &[u8], rules: &Rules) -> Result<Body, Fault> {
    if head == HTTP2 {
        return Err(Fault::Http2);
    }
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(head) {
        Ok(httparse::Status::Complete(_)) => {}
        Err(httparse::Error::TooManyHeaders) => return Err(Fault::TooManyHeaders),
        Ok(httparse::Status::Partial) | Err(_) => return Err(Fault::Head),
    }
    let method = request.method.unwrap_or_default();
    if let Some(known) = rules.methods
        && !known.contains(&method)
    {
        return Err(Fault::Method { known });
    }
    let target = request.path.unwrap_or_default();
    let of_the_server = target == "*" && method == "OPTIONS";
    if !target.starts_with('/') && !of_the_server {
        return Err(Fault::Target);
    }
    let all = |name: &'static str| {
        request
            .headers
            .iter()
            .filter(move |header| header.name.eq_ignore_ascii_case(name))
            .map(|header| header.value)
    };
    let mut hosts = all("host");
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if !host.contains(&b'@') && http::uri::Authority::try_from(host).is_ok() => {}
        _ => return Err(Fault::Host),
    }
    // HTTP/1.0 has no transfer codings, so a hop may have treated the end of the connection as the
    // end of the body (RFC 9112, section 6.1).
    if request.version == Some(0) && all("transfer-encoding").next().is_some() {
        return Err(Fault::Encoding);
    }
    body(all("content-length"), all("transfer-encoding"))
}

fn body<'a>(
    mut lengths: impl Iterator<Item = &'a [u8]>,
    mut encodings: impl Iterator<Item = &'a [u8]>,
) -> Result<Body, Fault> {
    match (lengths.next(), lengths.next(), encodings.next(), encodings.next()) {
        (None, _, None, _) => Ok(Body::Length(0)),
        (Some(length), None, None, _) => {
            let digits =
                !length.is_empty() && length.len() <= MAX_DIGITS && length.iter().all(u8::is_ascii_digit);
            let length = str::from_utf8(length).ok().filter(|_| digits).and_then(|text| text.parse().ok());
            length.map(Body::Length).ok_or(Fault::Length)
        }
        (None, _, Some(encoding), None) if encoding.eq_ignore_ascii_case(b"chunked") => Ok(Body::Chunked),
        (None, _, Some(_), _) => Err(Fault::Encoding),
        (Some(_), Some(_), ..) => Err(Fault::RepeatedLength),
        (Some(_), None, Some(_), _) => Err(Fault::LengthAndEncoding),
    }
}
