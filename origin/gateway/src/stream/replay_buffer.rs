//! The latest events of a stream, for readers of any speed.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use cortex_api::Problem;
use cortex_domain::ErrorCode;
use tokio::sync::watch;

/// Maximum size of the buffered events in bytes. A reader that falls further behind is
/// disconnected.
const MAX_BUFFERED_BYTES: usize = 1024 * 1024;
/// Maximum number of events that a reader gets at once.
const MAX_EVENTS_PER_READ: usize = 64;

/// The events of one stream, numbered from 1. Clones share the buffer.
#[derive(Clone, Debug)]
pub(super) struct ReplayBuffer(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    capacity: usize,
    state: Mutex<State>,
    /// Signals that events were written, or that a reader came or left.
    moved: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct State {
    /// The number of events before the first buffered one.
    dropped: u64,
    events: VecDeque<Bytes>,
    bytes: usize,
    end: Option<StreamEnd>,
    /// The last event that each reader has read.
    readers: HashMap<u64, u64>,
    /// The id of the next reader.
    next_reader: u64,
}

/// How a stream ended.
#[derive(Clone, Debug)]
pub(super) enum StreamEnd {
    Done,
    Failed(Problem),
}

/// What a reader gets next.
#[derive(Debug)]
pub(super) enum ReadResult {
    /// Events, and the number of the first one.
    Events(u64, Vec<Bytes>),
    End(StreamEnd),
}

impl ReplayBuffer {
    pub(super) fn new() -> Self {
        Self::with_capacity(MAX_BUFFERED_BYTES)
    }

    fn with_capacity(capacity: usize) -> Self {
        Self(Arc::new(Shared { capacity, state: Mutex::default(), moved: watch::channel(()).0 }))
    }

    /// Writes events. Returns false if all readers have fallen behind.
    pub(super) fn write(&self, events: Vec<Bytes>) -> bool {
        let mut state = self.lock();
        for event in events {
            state.bytes += event.len();
            state.events.push_back(event);
        }
        while state.bytes > self.0.capacity && state.events.len() > 1 {
            let bytes = state.events.pop_front().map_or(0, |event| event.len());
            state.bytes -= bytes;
            state.dropped += 1;
        }
        let followed = state.readers.is_empty() || state.readers.values().any(|at| *at >= state.dropped);
        drop(state);
        self.0.moved.send_replace(());
        followed
    }

    /// Ends the stream. Only the first end counts.
    pub(super) fn end(&self, end: StreamEnd) {
        self.lock().end.get_or_insert(end);
        self.0.moved.send_replace(());
    }

    /// Returns the size of the buffered events in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    /// Returns a reader of the events after number `after`.
    ///
    /// # Errors
    /// Returns an error if some of them are no longer buffered, or if there is no event `after`
    /// yet.
    pub(super) fn read_after(&self, after: u64) -> Result<Reader, Problem> {
        let mut state = self.lock();
        if after < state.dropped {
            let detail = format!("events up to {} are no longer available", state.dropped);
            return Err(Problem::new(ErrorCode::StreamGone, detail).at("last-event-id"));
        }
        if after > state.written() {
            let detail = format!("invalid header `Last-Event-ID`: the stream has no event {after} yet");
            return Err(Problem::new(ErrorCode::InvalidRequest, detail).at("last-event-id"));
        }
        let id = state.next_reader;
        state.next_reader += 1;
        state.readers.insert(id, after);
        drop(state);
        self.0.moved.send_replace(());
        Ok(Reader { buffer: self.clone(), id, moved: self.0.moved.subscribe() })
    }

    /// Resolves once the stream has had no reader for this long.
    pub(super) async fn abandoned(&self, timeout: Duration) {
        let mut moved = self.0.moved.subscribe();
        loop {
            while !self.lock().readers.is_empty() {
                // The buffer holds the sender.
                let _ = moved.changed().await;
            }
            let came_back = async {
                while self.lock().readers.is_empty() {
                    let _ = moved.changed().await;
                }
            };
            if timeout.is_zero() || tokio::time::timeout(timeout, came_back).await.is_err() {
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn written(&self) -> u64 {
        self.dropped + self.events.len() as u64
    }
}

/// Reads the events of a stream. Dropping it ends the reading.
#[derive(Debug)]
pub(super) struct Reader {
    buffer: ReplayBuffer,
    id: u64,
    moved: watch::Receiver<()>,
}

impl Reader {
    /// Returns the next events. At the end it returns the end each time.
    pub(super) async fn next(&mut self) -> ReadResult {
        loop {
            self.moved.mark_unchanged();
            if let Some(next) = self.try_next() {
                return next;
            }
            let _ = self.moved.changed().await;
        }
    }

    /// Waits for the first event.
    ///
    /// # Errors
    /// Returns the problem if the stream failed before it.
    pub(super) async fn wait_for_first_event(&mut self) -> Result<(), Problem> {
        loop {
            self.moved.mark_unchanged();
            {
                let state = self.buffer.lock();
                match &state.end {
                    Some(StreamEnd::Failed(problem)) if state.written() == 0 => return Err(problem.clone()),
                    None if state.written() == 0 => {}
                    _ => return Ok(()),
                }
            }
            let _ = self.moved.changed().await;
        }
    }

    fn try_next(&self) -> Option<ReadResult> {
        let mut state = self.buffer.lock();
        let at = state.readers.get(&self.id).copied().unwrap_or_default();
        if at < state.dropped {
            let detail =
                format!("the client reads too slowly: events {} to {} are lost", at + 1, state.dropped);
            return Some(ReadResult::End(StreamEnd::Failed(Problem::new(ErrorCode::SlowReader, detail))));
        }
        let skip = usize::try_from(at - state.dropped).unwrap_or(usize::MAX);
        let events: Vec<Bytes> = state.events.iter().skip(skip).take(MAX_EVENTS_PER_READ).cloned().collect();
        if events.is_empty() {
            return state.end.clone().map(ReadResult::End);
        }
        state.readers.insert(self.id, at + events.len() as u64);
        Some(ReadResult::Events(at + 1, events))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.buffer.lock().readers.remove(&self.id);
        self.buffer.0.moved.send_replace(());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(text: &str) -> Vec<Bytes> {
        vec![Bytes::copy_from_slice(text.as_bytes())]
    }

    async fn read(reader: &mut Reader) -> (u64, Vec<Bytes>) {
        match reader.next().await {
            ReadResult::Events(first, events) => (first, events),
            ReadResult::End(end) => panic!("{end:?}"),
        }
    }

    #[tokio::test]
    async fn each_reader_continues_from_its_own_position() {
        let buffer = ReplayBuffer::with_capacity(100);
        let mut one = buffer.read_after(0).unwrap();
        assert!(buffer.write(event("a")));
        assert_eq!(read(&mut one).await, (1, event("a")));
        assert!(buffer.write(event("b")));
        let mut other = buffer.read_after(1).unwrap();
        assert_eq!(read(&mut other).await, (2, event("b")));
        assert_eq!(read(&mut one).await, (2, event("b")));
        buffer.end(StreamEnd::Done);
        buffer.end(StreamEnd::Failed(Problem::new(ErrorCode::Internal, "later")));
        assert!(matches!(one.next().await, ReadResult::End(StreamEnd::Done)));
        assert_eq!(buffer.read_after(3).unwrap_err().kind, ErrorCode::InvalidRequest);
    }

    #[tokio::test]
    async fn a_slow_reader_is_disconnected_with_an_error() {
        let buffer = ReplayBuffer::with_capacity(4);
        let mut slow = buffer.read_after(0).unwrap();
        let mut quick = buffer.read_after(0).unwrap();
        assert!(buffer.write(event("aa")));
        assert_eq!(read(&mut quick).await, (1, event("aa")));
        assert!(buffer.write(event("bb")) && buffer.write(event("cc")), "one reader keeps up");
        let ReadResult::End(StreamEnd::Failed(problem)) = slow.next().await else {
            panic!("the reader fell behind")
        };
        assert_eq!(problem.kind, ErrorCode::SlowReader);
        assert_eq!(read(&mut quick).await.0, 2);
        assert_eq!(buffer.read_after(0).unwrap_err().kind, ErrorCode::StreamGone);
        drop(quick);
        assert!(!buffer.write(event("dddd")), "no reader keeps up");
    }

    #[tokio::test]
    async fn a_stream_that_fails_before_its_first_event_returns_the_problem() {
        let buffer = ReplayBuffer::new();
        let mut reader = buffer.read_after(0).unwrap();
        buffer.end(StreamEnd::Failed(Problem::new(ErrorCode::Overloaded, "full")));
        assert_eq!(reader.wait_for_first_event().await.unwrap_err().kind, ErrorCode::Overloaded);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_without_a_reader_is_abandoned() {
        let buffer = ReplayBuffer::new();
        let reader = buffer.read_after(0).unwrap();
        let abandoned = tokio::spawn({
            let buffer = buffer.clone();
            async move { buffer.abandoned(Duration::from_secs(5)).await }
        });
        drop(reader);
        tokio::time::sleep(Duration::from_secs(4)).await;
        let reader = buffer.read_after(0).unwrap();
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(!abandoned.is_finished());
        drop(reader);
        abandoned.await.unwrap();
        buffer.abandoned(Duration::ZERO).await;
    }
}
