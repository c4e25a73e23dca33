//! How requests follow each other on an HTTP/1.1 connection, looked at before the HTTP library does.
//!
//! The library mends what it should refuse: of `Content-Length` beside `Transfer-Encoding` it drops one, and equal
//! lengths it counts once. A hop before us may have believed the other one, and would then take the rest of a body for
//! a request ("request smuggling"; RFC 9112, section 6.3). By the time that a handler sees the headers, the trace is
//! gone. So the head is held back until it is whole, and one that is framed in two ways is replaced by one that says so.

/// The header that names the fault, of a head that was replaced. One that a client sends itself is refused alike.
pub(crate) const FAULT: &str = "cortex-framing";
/// The longest head that is held back; the library refuses one that is longer.
const LONGEST: usize = 32 * 1024;

/// Follows one connection.
#[derive(Debug, Default)]
pub(crate) struct Framing {
    state: State,
    /// What has come of a head.
    head: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum State {
    #[default]
    Head,
    /// So many bytes of a body are still to come.
    Body(u64),
    /// The line with a chunk's size: its digits so far, and whether they have ended.
    ChunkSize {
        size: u64,
        digits: u8,
        ended: bool,
    },
    ChunkData(u64),
    ChunkEnd,
    /// Trailers, and whether the line has begun.
    Trailers {
        begun: bool,
    },
    /// The library refuses what comes; it need not be followed.
    Lost,
    /// A head was replaced: what comes after it is dropped.
    Refused,
}

impl Framing {
    /// Takes bytes as they arrived, and appends to `out` what the library may see.
    pub(crate) fn take(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = match self.state {
                State::Head => self.take_head(rest, out),
                State::Body(left) => self.pass(rest, left, State::Body, State::Head, out),
                State::ChunkData(left) => self.pass(rest, left, State::ChunkData, State::ChunkEnd, out),
                State::ChunkSize { .. } | State::ChunkEnd | State::Trailers { .. } => {
                    out.push(rest[0]);
                    self.state = self.state.after(rest[0]);
                    &rest[1..]
                }
                State::Lost => {
                    out.extend_from_slice(rest);
                    &[]
                }
                State::Refused => &[],
            };
        }
    }

    fn pass<'a>(
        &mut self,
        bytes: &'a [u8],
        left: u64,
        go_on: fn(u64) -> State,
        then: State,
        out: &mut Vec<u8>,
    ) -> &'a [u8] {
        let taken = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        out.extend_from_slice(&bytes[..taken]);
        let left = left - taken as u64;
        self.state = if left == 0 { then } else { go_on(left) };
        &bytes[taken..]
    }

    fn take_head<'a>(&mut self, bytes: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
        let end = bytes.iter().position(|b| *b == b'\n').map_or(bytes.len(), |at| at + 1);
        let (line, rest) = bytes.split_at(end);
        let begins = self.head.is_empty() || self.head.ends_with(b"\n");
        self.head.extend_from_slice(line);
        let started = if begins { self.head.len() - line.len() } else { line_start(&self.head) };
        let is_blank = matches!(&self.head[started..], b"\n" | b"\r\n");
        if is_blank && started == 0 {
            // Before a request line they mean nothing.
            out.append(&mut self.head);
        } else if is_blank {
            self.end_head(out);
        } else if self.head.len() > LONGEST {
            out.append(&mut self.head);
            self.state = State::Lost;
        }
        rest
    }

    fn end_head(&mut self, out: &mut Vec<u8>) {
        match body_of(&self.head) {
            Ok(state) => {
                out.append(&mut self.head);
                self.state = state;
            }
            Err(fault) => {
                let line = self.head.split(|b| *b == b'\n').next().unwrap_or_default();
                out.extend_from_slice(line.trim_ascii_end());
                let headers = format!("\r\nhost: invalid\r\nconnection: close\r\n{FAULT}: {fault}\r\n\r\n");
                out.extend_from_slice(headers.as_bytes());
                self.head = Vec::new();
                self.state = State::Refused;
            }
        }
    }
}

impl State {
    /// Within a chunked body, after one byte of what is not data.
    fn after(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::ChunkSize { digits: 0, .. }, b'\r' | b'\n') => Self::Lost,
            (Self::ChunkSize { size: 0, .. }, b'\n') => Self::Trailers { begun: false },
            (Self::ChunkSize { size, .. }, b'\n') => Self::ChunkData(size),
            (Self::ChunkSize { size, digits, ended: false }, _) => match char::from(byte).to_digit(16) {
                Some(digit) if digits < 16 => {
                    Self::ChunkSize { size: size << 4 | u64::from(digit), digits: digits + 1, ended: false }
                }
                Some(_) => Self::Lost,
                None if digits == 0 => Self::Lost,
                None => Self::ChunkSize { size, digits, ended: true },
            },
            (Self::ChunkEnd, b'\n') => FIRST_CHUNK,
            (Self::Trailers { begun: false }, b'\n') => Self::Head,
            (Self::Trailers { .. }, b'\n') => Self::Trailers { begun: false },
            (Self::Trailers { begun }, b'\r') => Self::Trailers { begun },
            (Self::Trailers { .. }, _) => Self::Trailers { begun: true },
            (state, _) => state,
        }
    }
}

const FIRST_CHUNK: State = State::ChunkSize { size: 0, digits: 0, ended: false };

fn line_start(head: &[u8]) -> usize {
    let before = head.strip_suffix(b"\n").unwrap_or(head);
    before.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1)
}

/// What follows a whole head, or what is wrong with it.
fn body_of(head: &[u8]) -> Result<State, &'static str> {
    let (mut length, mut chunked) = (None, false);
    for line in head.split(|b| *b == b'\n').skip(1) {
        let Some(colon) = line.iter().position(|b| *b == b':') else { continue };
        let (name, value) = (line[..colon].trim_ascii(), line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"content-length") {
            if length.is_some() {
                return Err("`Content-Length` occurs twice");
            }
            let digits =
                std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
            let number = digits.and_then(|text| text.parse::<u64>().ok());
            length = Some(number.ok_or("`Content-Length` is not one number")?);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            if chunked || !value.eq_ignore_ascii_case(b"chunked") {
                return Err("`Transfer-Encoding` is not `chunked` alone");
            }
            chunked = true;
        }
    }
    match (length, chunked) {
        (Some(_), true) => Err("both `Content-Length` and `Transfer-Encoding` are there"),
        (None | Some(0), false) => Ok(State::Head),
        (Some(length), false) => Ok(State::Body(length)),
        (None, true) => Ok(FIRST_CHUNK),
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
            ("Content-Length: 5\nA: b\ncontent-LENGTH: 6", "twice"),
            ("Content-Length: 5, 5", "not one number"),
            ("Content-Length: +5", "not one number"),
            ("Content-Length:", "not one number"),
            ("Transfer-Encoding: gzip, chunked", "`chunked` alone"),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "`chunked` alone"),
            ("Transfer-Encoding: identity", "`chunked` alone"),
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
        let first = "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n\n\n";
        let bad = "GET /bad HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n";
        let get = "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
        let before = [first, get, get].concat();
        let seen = seen([&before, bad].concat().as_bytes(), 3);
        assert!(seen.starts_with(&before) && seen[before.len()..].contains(FAULT), "{seen}");
    }

    #[test]
    fn a_chunked_body_is_followed_to_its_end() {
        let body = "5\r\nhello\r\nA;x=1\r\n0123456789\r\n0\r\nT: v\r\n\r\n";
        let good = format!("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
        let bad = "GET /bad HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n";
        for piece in [1, 2, 64, 1000] {
            let seen = seen(format!("{good}{good}{bad}").as_bytes(), piece);
            assert!(seen.starts_with(&format!("{good}{good}GET /bad")) && seen.contains(FAULT), "{seen}");
        }
    }

    #[test]
    fn a_head_without_end_is_passed_on_to_be_refused() {
        let endless = format!("GET / HTTP/1.1\r\nA: {}", "x".repeat(LONGEST));
        assert_eq!(seen(endless.as_bytes(), 4096), endless);
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
                sent.push_str("POST / HTTP/1.1\r\n");
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
