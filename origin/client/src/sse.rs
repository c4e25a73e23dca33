//! Server-sent events (WHATWG HTML, section 9.2), as far as the API sends them.

use std::time::Duration;

/// How many bytes one event may have.
const MAX_EVENT: usize = 1024 * 1024;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Frame {
    Event {
        id: Option<String>,
        name: String,
        data: String,
    },
    /// How long to wait before coming back.
    Retry(Duration),
}

/// An event that does not end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Endless;

/// Puts frames together from whatever pieces arrive.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    rest: Vec<u8>,
    id: Option<String>,
    name: String,
    data: String,
}

impl Parser {
    /// Takes the next piece, and gives the frames that it completes.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<Vec<Frame>, Endless> {
        self.rest.extend_from_slice(bytes);
        let mut frames = Vec::new();
        while let Some(end) = self.rest.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            frames.extend(self.line(line.trim_end_matches(['\n', '\r'])));
        }
        if self.rest.len() + self.data.len() > MAX_EVENT { Err(Endless) } else { Ok(frames) }
    }

    fn line(&mut self, line: &str) -> Option<Frame> {
        if line.is_empty() {
            return self.dispatch();
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => self.id = Some(value.to_owned()),
            "event" => value.clone_into(&mut self.name),
            "data" => {
                self.data.push_str(value);
                self.data.push('\n');
            }
            "retry" => return value.parse().ok().map(|millis| Frame::Retry(Duration::from_millis(millis))),
            _ => {}
        }
        None
    }

    fn dispatch(&mut self) -> Option<Frame> {
        let (id, name, mut data) =
            (self.id.take(), std::mem::take(&mut self.name), std::mem::take(&mut self.data));
        data.pop()?;
        Some(Frame::Event { id, name, data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = ": here\n\nretry: 250\n\nid: 0.1\nevent: accepted\ndata: {\"a\":\ndata: 1}\n\nevent:x\r\ndata:y\r\n\r\n";

    fn frames() -> Vec<Frame> {
        vec![
            Frame::Retry(Duration::from_millis(250)),
            Frame::Event { id: Some("0.1".into()), name: "accepted".into(), data: "{\"a\":\n1}".into() },
            Frame::Event { id: None, name: "x".into(), data: "y".into() },
        ]
    }

    #[test]
    fn frames_are_the_same_however_they_are_cut() {
        for size in 1..STREAM.len() {
            let mut parser = Parser::default();
            let pieces = STREAM.as_bytes().chunks(size);
            let read: Vec<_> = pieces.flat_map(|piece| parser.feed(piece).unwrap()).collect();
            assert_eq!(read, frames(), "in pieces of {size}");
        }
    }

    #[test]
    fn an_event_without_its_blank_line_is_not_there_yet() {
        assert_eq!(Parser::default().feed(b"event: x\ndata: y\n"), Ok(vec![]));
    }

    #[test]
    fn an_event_that_does_not_end_is_given_up() {
        let mut parser = Parser::default();
        assert_eq!(parser.feed(&vec![b'x'; MAX_EVENT + 1]), Err(Endless));
    }
}
