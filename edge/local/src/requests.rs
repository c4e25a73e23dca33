//! The requests on a client's connection, told apart as RFC 9112 has it, so that no malformed one reaches workerd: it
//! would answer in words of its own, and reads a message with two lengths in its own way.

use cortex_guard::{Kind, Problem};

/// The most bytes of a request's head.
pub(crate) const MAX_HEAD: usize = 16 << 10;
const MAX_HEADERS: usize = 100;
/// The most bytes of a chunk's size with its extensions, and of all trailers of a body.
const MAX_CHUNK_LINE: usize = 256;
const MAX_TRAILERS: usize = 4 << 10;
/// What workerd passes on to a Worker.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"];
const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// The requests of one connection, as far as they have come.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    state: State,
    /// How many requests were let through.
    passed: u64,
}

#[derive(Debug)]
enum State {
    Head(Vec<u8>),
    Length(u64),
    ChunkSize(Vec<u8>),
    /// What is left of a chunk and the end of line behind it.
    Chunk(u64),
    Trailers(Vec<u8>),
}

impl Default for State {
    fn default() -> Self {
        Self::Head(Vec::new())
    }
}

/// How a body's end is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    Length(u64),
    Chunked,
}

impl Requests {
    /// Whether a request was let through, to which an answer may be under way.
    pub(crate) fn has_passed_any(&self) -> bool {
        self.passed > 0
    }

    /// Takes bytes of the client, and appends to `out` those that may go on.
    ///
    /// # Errors
    /// Returns the refusal of a request that is malformed or has a head over [`MAX_HEAD`]. Nothing of that request is
    /// in `out`, unless its body is at fault.
    pub(crate) fn take(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Problem> {
        while !bytes.is_empty() {
            bytes = self.step(bytes, out)?;
        }
        Ok(())
    }

    /// Takes some of the bytes and returns the rest.
    fn step<'a>(&mut self, bytes: &'a [u8], out: &mut Vec<u8>) -> Result<&'a [u8], Problem> {
        match &mut self.state {
            State::Head(head) => {
                // A client may end the body before with an empty line.
                let skipped = if head.is_empty() {
                    bytes.iter().take_while(|b| b"\r\n".contains(b)).count()
                } else {
                    0
                };
                let bytes = &bytes[skipped..];
                let Some(rest) = line_up(head, bytes, END_OF_HEAD, MAX_HEAD).ok_or_else(head_too_large)?
                else {
                    return Ok(&[]);
                };
                let body = read_head(head)?;
                out.extend_from_slice(head);
                self.passed += 1;
                self.state = match body {
                    Body::Length(0) => State::default(),
                    Body::Length(length) => State::Length(length),
                    Body::Chunked => State::ChunkSize(Vec::new()),
                };
                Ok(rest)
            }
            State::Length(left) => {
                let rest = pass(left, bytes, out);
                if *left == 0 {
                    self.state = State::default();
                }
                Ok(rest)
            }
            State::ChunkSize(line) => {
                let long = || malformed("a chunk's size has too many characters");
                let Some(rest) = line_up(line, bytes, b"\r\n", MAX_CHUNK_LINE).ok_or_else(long)? else {
                    return Ok(&[]);
                };
                let size = chunk_size(line)?;
                out.extend_from_slice(line);
                self.state = match size {
                    0 => State::Trailers(Vec::new()),
                    size => State::Chunk(size + 2),
                };
                Ok(rest)
            }
            State::Chunk(left) => {
                let before = out.len();
                let rest = pass(left, bytes, out);
                // The last two bytes are the end of the line, wherever the pieces were cut.
                let passed = out.len() - before;
                for (place, byte) in out[before..].iter().enumerate() {
                    let behind = *left + (passed - 1 - place) as u64;
                    if (behind == 1 && *byte != b'\r') || (behind == 0 && *byte != b'\n') {
                        return Err(malformed("a chunk is longer than its size"));
                    }
                }
                if *left == 0 {
                    self.state = State::ChunkSize(Vec::new());
                }
                Ok(rest)
            }
            State::Trailers(line) => {
                let long = || malformed("the trailers are too large");
                let Some(rest) = line_up(line, bytes, b"\r\n", MAX_TRAILERS).ok_or_else(long)? else {
                    return Ok(&[]);
                };
                // Trailers mean nothing here and are left out.
                if line.len() == 2 {
                    out.extend_from_slice(b"\r\n");
                    self.state = State::default();
                } else {
                    line.clear();
                }
                Ok(rest)
            }
        }
    }
}

/// Adds bytes to a line until it ends with `end`; returns those behind it, `Some(None)` while the end is missing, `None`
/// when the line has outgrown `max`.
#[allow(clippy::option_option)]
fn line_up<'a>(line: &mut Vec<u8>, bytes: &'a [u8], end: &[u8], max: usize) -> Option<Option<&'a [u8]>> {
    let known = line.len();
    let room = (max + end.len()).saturating_sub(known).min(bytes.len());
    line.extend_from_slice(&bytes[..room]);
    let from = known.saturating_sub(end.len() - 1);
    match line[from..].windows(end.len()).position(|window| window == end) {
        Some(place) => {
            let length = from + place + end.len();
            line.truncate(length);
            Some(Some(&bytes[length - known..])).filter(|_| length <= max)
        }
        None if line.len() >= max => None,
        None => Some(None),
    }
}

fn pass<'a>(left: &mut u64, bytes: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let length = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
    out.extend_from_slice(&bytes[..length]);
    *left -= length as u64;
    &bytes[length..]
}

fn chunk_size(line: &[u8]) -> Result<u64, Problem> {
    let line = &line[..line.len() - 2];
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii_end();
    let wrong = || malformed("a chunk's size is not a hexadecimal number");
    if digits.is_empty()
        || digits.len() > 15
        || !digits.iter().all(u8::is_ascii_hexdigit)
        || has_bare_line_end(line)
    {
        return Err(wrong());
    }
    let digits = str::from_utf8(digits).map_err(|_| wrong())?;
    u64::from_str_radix(digits, 16).map_err(|_| wrong())
}

/// Reads a head that ends with an empty line.
fn read_head(head: &[u8]) -> Result<Body, Problem> {
    if has_bare_line_end(&head[..head.len() - END_OF_HEAD.len()]) {
        return Err(malformed("a line of the head does not end with CR and LF"));
    }
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(head) {
        Ok(httparse::Status::Complete(_)) => {}
        Err(httparse::Error::TooManyHeaders) => return Err(head_too_large()),
        Ok(httparse::Status::Partial) | Err(_) => return Err(malformed("the head is not one of HTTP/1.1")),
    }
    let method = request.method.unwrap_or_default();
    if !METHODS.contains(&method) {
        let detail = format!("the method is not one of {}", METHODS.join(", "));
        return Err(Problem::new(Kind::MethodNotAllowed, detail).with("allow", METHODS.as_slice()));
    }
    let target = request.path.unwrap_or_default();
    let of_the_server = target == "*" && method == "OPTIONS";
    if !target.starts_with('/') && !of_the_server {
        return Err(malformed("the request's target is not a path"));
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
        (Some(host), None) if http::uri::Authority::try_from(host).is_ok() => {}
        _ => return Err(malformed("the header `Host` is missing, repeated or not a host")),
    }
    body(all("content-length"), all("transfer-encoding"))
}

fn body<'a>(
    mut lengths: impl Iterator<Item = &'a [u8]>,
    mut encodings: impl Iterator<Item = &'a [u8]>,
) -> Result<Body, Problem> {
    match (lengths.next(), lengths.next(), encodings.next(), encodings.next()) {
        (None, _, None, _) => Ok(Body::Length(0)),
        (Some(length), None, None, _) => {
            let digits = !length.is_empty() && length.len() <= 15 && length.iter().all(u8::is_ascii_digit);
            let length = str::from_utf8(length).ok().filter(|_| digits).and_then(|text| text.parse().ok());
            length.map(Body::Length).ok_or_else(|| malformed("the header `Content-Length` is not a number"))
        }
        (None, _, Some(encoding), None) if encoding.eq_ignore_ascii_case(b"chunked") => Ok(Body::Chunked),
        (None, _, Some(_), _) => Err(malformed("the header `Transfer-Encoding` is not `chunked`")),
        (Some(_), Some(_), ..) => Err(malformed("the header `Content-Length` is repeated")),
        (Some(_), _, Some(_), _) => {
            Err(malformed("the headers `Content-Length` and `Transfer-Encoding` can't stand together"))
        }
    }
}

/// Whether an LF comes without a CR before it, or a CR without an LF behind it.
fn has_bare_line_end(bytes: &[u8]) -> bool {
    let lonely_lf =
        bytes.iter().enumerate().any(|(at, b)| *b == b'\n' && (at == 0 || bytes[at - 1] != b'\r'));
    lonely_lf || bytes.iter().enumerate().any(|(at, b)| *b == b'\r' && bytes.get(at + 1) != Some(&b'\n'))
}

fn malformed(detail: &str) -> Problem {
    Problem::new(Kind::InvalidRequest, detail)
}

fn head_too_large() -> Problem {
    let detail = format!("the head has more than {MAX_HEAD} bytes or {MAX_HEADERS} headers");
    Problem::new(Kind::HeadersTooLarge, detail)
}

#[cfg(test)]
mod tests;
