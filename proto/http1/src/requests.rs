//! The requests of one connection, in sequence.

use crate::Fault;
use crate::head::{self, Body, END_OF_HEAD, MAX_DIGITS};
use crate::line_buffer::{LineBuffer, LineError};

/// The limits of a server.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// The largest head, in bytes, including the empty line at its end.
    pub head: usize,
    /// The longest line with a chunk's size and its extensions, in bytes.
    pub chunk_line: usize,
    /// The largest trailers of a body, in bytes.
    pub trailers: usize,
    /// The allowed methods. `None` allows any.
    pub methods: Option<&'static [&'static str]>,
}

/// The parser of one connection's requests.
#[derive(Debug)]
pub struct Requests {
    rules: Rules,
    state: State,
    /// The number of accepted requests.
    passed: u64,
    /// The error that ended the parsing.
    fault: Option<Fault>,
}

#[derive(Debug)]
enum State {
    Head(LineBuffer),
    Length(u64),
    ChunkSize(LineBuffer),
    /// The remaining bytes of a chunk and of the line end after it.
    Chunk(u64),
    Trailers {
        line: LineBuffer,
        /// The bytes of the previous lines.
        before: usize,
    },
}

impl Default for State {
    fn default() -> Self {
        Self::Head(LineBuffer::default())
    }
}

impl Requests {
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self { rules, state: State::default(), passed: 0, fault: None }
    }

    /// Returns whether a request was accepted, so that its response may be in flight.
    #[must_use]
    pub fn has_passed_any(&self) -> bool {
        self.passed > 0
    }

    /// Returns the received part of the current or rejected head, or `None` within a body.
    #[must_use]
    pub fn head(&self) -> Option<&[u8]> {
        match &self.state {
            State::Head(head) => Some(head.bytes()),
            _ => None,
        }
    }

    /// Takes a client's bytes, and appends to `out` those that may pass. They pass unchanged,
    /// except that empty lines before a request and trailers are removed.
    ///
    /// # Errors
    /// Returns the error of the first request that is malformed or exceeds a limit, on this and
    /// every later call. `out` contains nothing of that request, unless its body has the error.
    pub fn take(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        while !bytes.is_empty() {
            bytes = self.step(bytes, out).inspect_err(|fault| self.fault = Some(*fault))?;
        }
        Ok(())
    }

    /// Takes some of the bytes and returns the rest.
    fn step<'a>(&mut self, bytes: &'a [u8], out: &mut Vec<u8>) -> Result<&'a [u8], Fault> {
        let rules = &self.rules;
        let (rest, next) = match &mut self.state {
            State::Head(held) => {
                let bytes = without_empty_lines(held, bytes);
                let misfit = |misfit| match misfit {
                    LineError::TooLong => Fault::HeadTooLong { limit: rules.head },
                    LineError::BareLineEnd => Fault::BareLineEnd,
                };
                let Some(rest) = held.add(bytes, END_OF_HEAD, rules.head).map_err(misfit)? else {
                    return Ok(&[]);
                };
                let body = head::read(held.bytes(), rules)?;
                out.extend_from_slice(held.bytes());
                self.passed += 1;
                (rest, Some(State::before(body)))
            }
            State::Length(left) => {
                let rest = pass(left, bytes, out);
                (rest, (*left == 0).then(State::default))
            }
            State::ChunkSize(line) => {
                let misfit = |misfit| match misfit {
                    LineError::TooLong => Fault::ChunkLineTooLong { limit: rules.chunk_line },
                    LineError::BareLineEnd => Fault::ChunkSize,
                };
                let Some(rest) = line.add(bytes, b"\r\n", rules.chunk_line).map_err(misfit)? else {
                    return Ok(&[]);
                };
                let size = chunk_size(line.bytes())?;
                out.extend_from_slice(line.bytes());
                let next = match size {
                    0 => State::Trailers { line: LineBuffer::default(), before: 0 },
                    size => State::Chunk(size + 2),
                };
                (rest, Some(next))
            }
            State::Chunk(left) => {
                let rest = pass_chunk(left, bytes, out)?;
                (rest, (*left == 0).then(|| State::ChunkSize(LineBuffer::default())))
            }
            State::Trailers { line, before } => {
                let misfit = |misfit| match misfit {
                    LineError::TooLong => Fault::TrailersTooLong { limit: rules.trailers },
                    LineError::BareLineEnd => Fault::BareLineEnd,
                };
                let room = rules.trailers.saturating_sub(*before);
                let Some(rest) = line.add(bytes, b"\r\n", room).map_err(misfit)? else {
                    return Ok(&[]);
                };
                let next = match line.bytes() {
                    b"\r\n" => {
                        out.extend_from_slice(b"\r\n");
                        State::default()
                    }
                    trailer => {
                        State::Trailers { line: LineBuffer::default(), before: *before + trailer.len() }
                    }
                };
                (rest, Some(next))
            }
        };
        if let Some(next) = next {
            self.state = next;
        }
        Ok(rest)
    }
}

impl State {
    fn before(body: Body) -> Self {
        match body {
            Body::Length(0) => Self::default(),
            Body::Length(length) => Self::Length(length),
            Body::Chunked => Self::ChunkSize(LineBuffer::default()),
        }
    }
}

/// Removes the empty lines with which a client may end the previous body.
fn without_empty_lines<'a>(head: &LineBuffer, bytes: &'a [u8]) -> &'a [u8] {
    let empty = bytes.iter().take_while(|byte| head.bytes().is_empty() && b"\r\n".contains(byte)).count();
    &bytes[empty..]
}

fn pass<'a>(left: &mut u64, bytes: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let length = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
    out.extend_from_slice(&bytes[..length]);
    *left -= length as u64;
    &bytes[length..]
}

/// Passes a chunk on. Its last two bytes are a line end, regardless of how the bytes were split.
fn pass_chunk<'a>(left: &mut u64, bytes: &'a [u8], out: &mut Vec<u8>) -> Result<&'a [u8], Fault> {
    let before = out.len();
    let rest = pass(left, bytes, out);
    let last = out[before..].iter().rev().take(2);
    for (behind, byte) in (*left..).zip(last) {
        if (behind == 1 && *byte != b'\r') || (behind == 0 && *byte != b'\n') {
            return Err(Fault::ChunkTooLong);
        }
    }
    Ok(rest)
}

/// Parses a line with a chunk's size.
fn chunk_size(line: &[u8]) -> Result<u64, Fault> {
    let line = line.strip_suffix(b"\r\n").unwrap_or(line);
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
    let blanks = digits.iter().rev().take_while(|byte| b" \t".contains(byte)).count();
    let digits = &digits[..digits.len() - blanks];
    if digits.is_empty() || digits.len() > MAX_DIGITS || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(Fault::ChunkSize);
    }
    let digits = str::from_utf8(digits).map_err(|_| Fault::ChunkSize)?;
    u64::from_str_radix(digits, 16).map_err(|_| Fault::ChunkSize)
}

#[cfg(test)]
mod tests;
