//! A bounded buffer of lines for slow readers. It drops the oldest lines.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Maximum size of the buffered lines in bytes. The oldest lines beyond it are dropped.
const MAX_BUFFERED_BYTES: usize = 128 * 1024;

/// Returns the two ends of a buffer. The writer never waits for the reader.
pub(super) fn line_buffer() -> (LineWriter, LineReader) {
    let shared = Arc::new(Shared { state: Mutex::default(), changed: Notify::new() });
    (LineWriter(Arc::clone(&shared)), LineReader(shared))
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    lines: VecDeque<String>,
    bytes: usize,
    closed: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes lines. Dropping it closes the buffer.
#[derive(Debug)]
pub(super) struct LineWriter(Arc<Shared>);

impl LineWriter {
    pub(super) fn write(&self, lines: Vec<String>) {
        let mut state = self.0.state();
        for line in lines {
            state.bytes += line.len();
            state.lines.push_back(line);
        }
        while state.bytes > MAX_BUFFERED_BYTES
            && let Some(oldest) = state.lines.pop_front()
        {
            state.bytes -= oldest.len();
        }
        drop(state);
        self.0.changed.notify_one();
    }
}

impl Drop for LineWriter {
    fn drop(&mut self) {
        self.0.state().closed = true;
        self.0.changed.notify_one();
    }
}

/// Reads lines.
#[derive(Debug)]
pub(super) struct LineReader(Arc<Shared>);

impl LineReader {
    /// Returns the next line, or `None` once the buffer is closed and empty.
    pub(super) async fn next(&mut self) -> Option<String> {
        loop {
            {
                let mut state = self.0.state();
                if let Some(line) = state.lines.pop_front() {
                    state.bytes -= line.len();
                    return Some(line);
                }
                if state.closed {
                    return None;
                }
            }
            self.0.changed.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_slow_reader_gets_the_latest_lines() {
        let (writer, mut reader) = line_buffer();
        let line = |n: usize| format!("{n:0>1024}");
        for n in 0..1000 {
            writer.write(vec![line(n)]);
        }
        drop(writer);
        let mut read = Vec::new();
        while let Some(line) = reader.next().await {
            read.push(line);
        }
        assert_eq!(read, (1000 - MAX_BUFFERED_BYTES / 1024..1000).map(line).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_waiting_reader_gets_lines() {
        let (writer, mut reader) = line_buffer();
        let (read, ()) = tokio::join!(reader.next(), async { writer.write(vec!["a".into(), "b".into()]) });
        assert_eq!((read.as_deref(), reader.next().await.as_deref()), (Some("a"), Some("b")));
        let (read, ()) = tokio::join!(reader.next(), async { drop(writer) });
        assert_eq!(read, None);
    }
}
