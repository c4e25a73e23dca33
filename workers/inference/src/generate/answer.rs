//! An answer in progress.

use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll};

use bytes::Bytes;
use cortex_api::Problem;
use cortex_api::generation::TokenUsage;
use tokio::sync::mpsc::Receiver;

use super::writer::Writer;
use crate::language::Event;

/// An answer in progress. Dropping it cancels the generation.
pub struct Answer {
    /// The events of each prompt.
    events: Vec<Option<Receiver<Event>>>,
    writer: Box<dyn Writer>,
    streams: bool,
}

impl Answer {
    pub(super) fn new(events: Vec<Receiver<Event>>, writer: Box<dyn Writer>, streams: bool) -> Self {
        Self { events: events.into_iter().map(Some).collect(), writer, streams }
    }

    /// Returns whether the request asked for chunks.
    pub fn streams(&self) -> bool {
        self.streams
    }

    /// Returns the next chunks, each a JSON document. They are empty if the request did not ask for
    /// chunks. Returns `None` once the answer is complete.
    ///
    /// # Errors
    ///
    /// Returns a problem if the generation failed. Nothing follows it.
    pub async fn next(&mut self) -> Result<Option<Vec<Bytes>>, Problem> {
        match poll_fn(|context| self.poll(context)).await {
            None => Ok(None),
            Some((prompt, event)) => {
                let written = self.writer.write(prompt, event);
                if written.is_err() {
                    self.events.clear();
                }
                written.map(Some)
            }
        }
    }

    /// Returns the tokens of the choices that have ended.
    pub fn usage(&self) -> TokenUsage {
        self.writer.usage()
    }

    /// Returns the whole answer as one JSON document.
    ///
    /// # Errors
    ///
    /// Returns a problem if the generation failed.
    pub async fn document(mut self) -> Result<Bytes, Problem> {
        while self.next().await?.is_some() {}
        Ok(self.writer.document())
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<(usize, Event)>> {
        let mut open = false;
        for (prompt, events) in self.events.iter_mut().enumerate() {
            let Some(receiver) = events else { continue };
            match receiver.poll_recv(context) {
                Poll::Ready(Some(event)) => return Poll::Ready(Some((prompt, event))),
                Poll::Ready(None) => *events = None,
                Poll::Pending => open = true,
            }
        }
        if open { Poll::Pending } else { Poll::Ready(None) }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("streams", &self.streams).finish_non_exhaustive()
    }
}
