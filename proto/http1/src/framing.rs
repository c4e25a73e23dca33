//! What hyper gets to see of a connection's bytes.
//!
//! Every request passes [`Requests`] first, so that none comes in which hyper would mend and a hop before us may have
//! read differently. A head at fault is replaced by one that says so: hyper answers in turn, and the refusal must not
//! overtake the answers to the requests before.

use http::HeaderMap;

use crate::{Fault, Requests, Rules};

/// The header that names the fault, of a head that was replaced. One that a client sends itself is refused alike.
const FAULT: &str = "cortex-framing";
/// The most bytes of a head that hyper gets to see: more than routes take, which refuse by name what is a little too large.
/// It is to be hyper's buffer size too.
pub const MAX_HEAD: usize = 32 * 1024;
const RULES: Rules = Rules { head: MAX_HEAD, chunk_line: 16 * 1024, trailers: 16 * 1024, methods: None };
/// By this hyper knows a client that speaks HTTP/2, and closes the connection.
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Returns what is wrong with a request whose head was replaced.
pub fn fault(headers: &HeaderMap) -> Option<&str> {
    headers.get(FAULT).map(|fault| fault.to_str().unwrap_or("the head can be read in two ways"))
}

/// Follows one connection.
#[derive(Debug)]
pub(crate) enum Framing {
    Reading(Requests),
    /// A head was refused, and what comes after it is dropped.
    Refused,
    /// A body is not what was announced, and its reader gets this error.
    Broken(Fault),
}

impl Default for Framing {
    fn default() -> Self {
        Self::Reading(Requests::new(RULES))
    }
}

impl Framing {
    /// Takes bytes as they arrived, and appends to `out` what hyper may see.
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

    /// What is wrong with a body of which hyper has seen the head.
    pub(crate) fn broken(&self) -> Option<Fault> {
        match self {
            Self::Broken(fault) => Some(*fault),
            Self::Reading(_) | Self::Refused => None,
        }
    }
}

/// Appends what hyper sees in place of a head.
fn replace(head: &[u8], fault: Fault, out: &mut Vec<u8>) {
    match fault {
        // hyper has the same limits and the right status.
        Fault::HeadTooLong { .. } | Fault::TooManyHeaders => out.extend_from_slice(head),
        Fault::Http2 => out.extend_from_slice(HTTP2_PREFACE),
        // A line that is none of a request hyper refuses by itself.
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
            ("Content-Length: 5\r\nContent-Length: 5", "twice"),
            ("Content-Length: 5\r\nA: b\r\ncontent-LENGTH: 6", "twice"),
            ("Content-Length: 5, 5", "not one number"),
            ("Content-Length: +5", "not one number"),
            ("Content-Length:", "not one number"),
            ("Transfer-Encoding: gzip, chunked", "`chunked` alone"),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "`chunked` alone"),
            ("Transfer-Encoding: identity", "`chunked` alone"),
            ("Content-Length: 5\nA: b\ncontent-LENGTH: 6", "does not end with CR and LF"),
            ("Host: a", "`Host`"),
            ("A : b", "not one of HTTP/1.1"),
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
        // What is over the limit could hold the head's end, and hyper might read so far.
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
