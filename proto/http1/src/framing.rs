//! The bytes of a connection that hyper sees.
//!
//! Every request passes [`Requests`] first. It rejects requests that hyper would repair and that an
//! earlier hop may have read differently. A rejected head is replaced by one that names the error.
//! hyper then responds in order, so that the error does not overtake the responses to earlier
//! requests.

use http::HeaderMap;

use crate::{Fault, Requests, Rules};

/// The header of a replaced head that names the error. A client that sends it is rejected as well.
const FAULT: &str = "cortex-framing";
/// The largest head that hyper sees, in bytes. It is larger than the limit of the routes, which
/// return a descriptive error for a head that is slightly too large. hyper's buffer must have the
/// same size.
pub const MAX_HEAD: usize = 32 * 1024;
const RULES: Rules = Rules { head: MAX_HEAD, chunk_line: 16 * 1024, trailers: 16 * 1024, methods: None };
/// hyper recognizes a client that speaks HTTP/2 by this text, and closes the connection.
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Returns the error of a request with a replaced head.
pub fn fault(headers: &HeaderMap) -> Option<&str> {
    headers.get(FAULT).map(|fault| fault.to_str().unwrap_or("the head is ambiguous"))
}

/// The state of one connection.
#[derive(Debug)]
pub(crate) enum Framing {
    Reading(Requests),
    /// A head was rejected, and all further bytes are dropped.
    Refused,
    /// A body is malformed, and its reader gets this error.
    Broken(Fault),
}

impl Default for Framing {
    fn default() -> Self {
        Self::Reading(Requests::new(RULES))
    }
}

impl Framing {
    /// Takes received bytes, and appends to `out` those that hyper may see.
    pub(crate) fn take(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let Self::Reading(requests) = self else { return };
        if let Err(fault) = requests.take(bytes, out) {
            *self = match requests.head() {
                Some(head) => {
                    replace(head, fault, out);
                    Self::Refused
                }
                None => Self::Broken(fault),
            };
        }
    }

    /// Returns the error of a body of which hyper has seen the head.
    pub(crate) fn broken(&self) -> Option<Fault> {
        match self {
            Self::Broken(fault) => Some(*fault),
            Self::Reading(_) | Self::Refused => None,
        }
    }
}

/// Appends the head that replaces a rejected one.
fn replace(head: &[u8], fault: Fault, out: &mut Vec<u8>) {
    match fault {
        // hyper has the same limits and responds with the right status.
        Fault::HeadTooLong { .. } | Fault::TooManyHeaders => out.extend_from_slice(head),
        Fault::Http2 => out.extend_from_slice(HTTP2_PREFACE),
        // hyper itself rejects a line that is not valid in a request.
        _ => {
            let line = head.split(|byte| b"\r\n".contains(byte)).next().unwrap_or_default();
            out.extend_from_slice(line);
            let headers = format!("\r\nhost: invalid\r\nconnection: close\r\n{FAULT}: {fault}\r\n\r\n");
            out.extend_from_slice(headers.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seen(bytes: &[u8], piece: usize) -> String {
        let (mut framing, mut out) = (Framing::default(), Vec::new());
        for piece in bytes.chunks(piece) {
            framing.take(piece, &mut out);
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_head_that_is_framed_in_two_ways_is_replaced_and_what_follows_it_dropped() {
        for (headers, fault) in [
            ("Content-Length: 5\r\nTransfer-Encoding: chunked", "both"),
            ("transfer-encoding: chunked\r\ncontent-length: 5", "both"),
            ("Content-Length: 5\r\nContent-Length: 5", "duplicate header `Content-Length`"),
            ("Content-Length: 5\r\nA: b\r\ncontent-LENGTH: 6", "duplicate header `Content-Length`"),
            ("Content-Length: 5, 5", "invalid header `Content-Length`"),
            ("Content-Length: +5", "invalid header `Content-Length`"),
            ("Content-Length:", "invalid header `Content-Length`"),
            ("Transfer-Encoding: gzip, chunked", "invalid header `Transfer-Encoding`"),
            (
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
                "invalid header `Transfer-Encoding`",
            ),
            ("Transfer-Encoding: identity", "invalid header `Transfer-Encoding`"),
            ("Content-Length: 5\nA: b\ncontent-LENGTH: 6", "does not end with CR and LF"),
            ("Host: a", "`Host`"),
            ("A : b", "invalid head"),
        ] {
            let bytes =
                format!("POST /v1/x HTTP/1.1\r\nHost: a\r\n{headers}\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n");
            for piece in [1, 7, bytes.len()] {
                let seen = seen(bytes.as_bytes(), piece);
                assert!(seen.starts_with("POST /v1/x HTTP/1.1\r\nhost: invalid\r\n"), "{seen}");
                assert!(seen.contains(fault) && !seen.contains("smuggled"), "{headers}: {seen}");
            }
        }
    }

    #[test]
    fn every_request_of_a_connection_is_looked_at() {
        let first = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n\n\n";
        let bad = "GET /bad HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n";
        let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        let before = [first, get, get].concat();
        let seen = seen([first, "\r\n", get, "\r\n", get, bad].concat().as_bytes(), 3);
        assert!(seen.starts_with(&before) && seen[before.len()..].contains(FAULT), "{seen}");
    }

    #[test]
    fn a_chunked_body_is_followed_to_its_end() {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        let body = "5\r\nhello\r\nA;x=1\r\n0123456789\r\n0\r\n";
        let (sent, good) = (format!("{head}{body}T: v\r\n\r\n"), format!("{head}{body}\r\n"));
        let bad = "GET /bad HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n";
        for piece in [1, 2, 64, 1000] {
            let seen = seen(format!("{sent}{sent}{bad}").as_bytes(), piece);
            assert!(seen.starts_with(&format!("{good}{good}GET /bad")) && seen.contains(FAULT), "{seen}");
        }
    }

    #[test]
    fn a_body_that_is_not_as_announced_is_broken() {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        for piece in [1, 100] {
            let (mut framing, mut out) = (Framing::default(), Vec::new());
            for piece in format!("{head}2\nab\r\n").as_bytes().chunks(piece) {
                framing.take(piece, &mut out);
            }
            assert_eq!((framing.broken(), out.as_slice()), (Some(Fault::ChunkSize), head.as_bytes()));
        }
    }

    #[test]
    fn a_head_without_end_is_passed_on_to_be_refused() {
        let endless = format!("GET / HTTP/1.1\r\nA: {}", "x".repeat(MAX_HEAD));
        // Bytes over the limit could contain the end of the head, and hyper might read that far.
        assert_eq!(seen(endless.as_bytes(), 4096), endless[..MAX_HEAD]);
    }

    #[test]
    fn the_preface_of_http2_is_passed_on_to_be_refused() {
        let preface = String::from_utf8(HTTP2_PREFACE.to_vec()).unwrap();
        for piece in [1, 18, 24, 100] {
            assert_eq!(seen(format!("{preface}\0\0\0").as_bytes(), piece), preface);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), piece in 1usize..9) {
            let (mut framing, mut out) = (Framing::default(), Vec::new());
            for piece in bytes.chunks(piece) {
                framing.take(piece, &mut out);
            }
        }

        #[test]
        fn sound_requests_pass_unchanged_however_they_are_cut(
            bodies in proptest::collection::vec((any::<bool>(), "[a\r\n:0-9]{0,20}"), 1..5),
            piece in 1usize..50,
        ) {
            let mut sent = String::new();
            for (chunked, body) in &bodies {
                sent.push_str("POST / HTTP/1.1\r\nHost: a\r\n");
                if *chunked && !body.is_empty() {
                    let length = body.len();
                    sent.push_str(&format!("Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n"));
                } else {
                    sent.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
                }
            }
            prop_assert_eq!(seen(sent.as_bytes(), piece), sent);
        }
    }
}
