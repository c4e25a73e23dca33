//! Server-sent events, as written to a client (WHATWG HTML, section 9.2).

use std::fmt::Display;

/// The event that tells OpenAI's clients that a stream is complete.
pub const DONE: &[u8] = b"data: [DONE]\n\n";
/// A comment, which keeps a silent connection open and is not an event.
pub const COMMENT: &[u8] = b": still here\n\n";
/// The size of an event without its data and id, in bytes.
const EVENT_OVERHEAD: usize = 64;

/// Writes a sequence of events.
#[derive(Debug, Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// Creates a writer with room for events of the given data sizes.
    #[must_use]
    pub fn for_data(bytes: impl IntoIterator<Item = usize>) -> Self {
        Self(Vec::with_capacity(bytes.into_iter().map(|bytes| bytes + EVENT_OVERHEAD).sum()))
    }

    /// Writes an event with data only. The data must be one line.
    pub fn data(&mut self, data: &[u8]) -> &mut Self {
        debug_assert!(!data.contains(&b'\n') && !data.contains(&b'\r'));
        self.0.extend_from_slice(b"data: ");
        self.0.extend_from_slice(data);
        self.0.extend_from_slice(b"\n\n");
        self
    }

    /// Writes an event's id. Its data follows.
    pub fn id(&mut self, id: impl Display) -> &mut Self {
        self.field("id", id)
    }

    /// Writes an event's name. Its data follows.
    pub fn name(&mut self, name: impl Display) -> &mut Self {
        self.field("event", name)
    }

    fn field(&mut self, field: &str, value: impl Display) -> &mut Self {
        use std::io::Write as _;
        // Writing to memory does not fail.
        let _ = writeln!(self.0, "{field}: {value}");
        self
    }

    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_written_one_after_another() {
        let mut writer = Writer::for_data([2, 1]);
        writer.id("job.1").data(b"{}").name("error").data(b"1").data(b"2");
        let text = String::from_utf8(writer.into_bytes()).unwrap();
        assert_eq!(text, "id: job.1\ndata: {}\n\nevent: error\ndata: 1\n\ndata: 2\n\n");
    }
}
