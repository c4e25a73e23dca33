//! A parser of server-sent events (WHATWG HTML, section 9.2), as far as the API uses them.

use std::time::Duration;

/// The largest event.
const MAX_EVENT_BYTES: usize = 1024 * 1024;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SseFrame {
    Event {
        id: Option<String>,
        name: String,
        data: String,
    },
    /// How long to wait before a reconnect.
    Retry(Duration),
}

/// An event is larger than [`MAX_EVENT_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event is larger than {} MiB", MAX_EVENT_BYTES >> 20)]
pub(crate) struct EventTooLarge;

/// Assembles frames from the bytes of a stream, however they are split.
#[derive(Debug, Default)]
pub(crate) struct SseParser {
    rest: Vec<u8>,
    id: Option<String>,
    name: String,
    data: String,
}

impl SseParser {
    /// Takes the next bytes and returns the frames that they complete.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<Vec<SseFrame>, EventTooLarge> {
        self.rest.extend_from_slice(bytes);
        let mut frames = Vec::new();
        while let Some(end) = self.rest.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            frames.extend(self.line(line.trim_end_matches(['\n', '\r'])));
        }
        if self.rest.len() + self.data.len() > MAX_EVENT_BYTES { Err(EventTooLarge) } else { Ok(frames) }
    }

    fn line(&mut self, line: &str) -> Option<SseFrame> {
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
            "retry" => {
                return value.parse().ok().map(|millis| SseFrame::Retry(Duration::from_millis(millis)));
            }
            _ => {}
        }
        None
    }

    fn dispatch(&mut self) -> Option<SseFrame> {
        let (id, name, mut data) =
            (self.id.take(), std::mem::take(&mut self.name), std::mem::take(&mut self.data));
        data.pop()?;
        Some(SseFrame::Event { id, name, data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = ": here\n\nretry: 250\n\nid: 0.1\nevent: accepted\ndata: {\"a\":\ndata: 1}\n\nevent:x\r\ndata:y\r\n\r\n";

    fn frames() -> Vec<SseFrame> {
        vec![
            SseFrame::Retry(Duration::from_millis(250)),
            SseFrame::Event { id: Some("0.1".into()), name: "accepted".into(), data: "{\"a\":\n1}".into() },
            SseFrame::Event { id: None, name: "x".into(), data: "y".into() },
        ]
    }

    #[test]
    fn frames_do_not_depend_on_how_the_bytes_are_split() {
        for size in 1..STREAM.len() {
            let mut parser = SseParser::default();
            let pieces = STREAM.as_bytes().chunks(size);
            let read: Vec<_> = pieces.flat_map(|piece| parser.feed(piece).unwrap()).collect();
            assert_eq!(read, frames(), "in pieces of {size}");
        }
    }

    #[test]
    fn an_event_is_complete_only_after_its_blank_line() {
        assert_eq!(SseParser::default().feed(b"event: x\ndata: y\n"), Ok(vec![]));
    }

    #[test]
    fn an_event_that_is_too_large_is_an_error() {
        let mut parser = SseParser::default();
        assert_eq!(parser.feed(&vec![b'x'; MAX_EVENT_BYTES + 1]), Err(EventTooLarge));
    }
}
