//! An answer in progress.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cortex_chat::Part;
use cortex_sample::{Logprobs, Sampler};
use cortex_tokens::Tokenizer;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{OwnedPermit, Sender};
use tokio_util::sync::CancellationToken;

use super::event::{Alternative, AnswerEnd, AnswerError, Event, StopReason, Token};
use super::masks::ConstrainedAnswer;
use super::metrics::Metrics;
use super::receipt::{Identity, Receipt, Times, Usage};
use super::writer::{Chunk, FinishKind, Writer};

/// The state of an answer until it ends.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) choice: u32,
    pub(super) events: Sender<Event>,
    /// A reserved place for the last event, so that it always arrives.
    pub(super) last: OwnedPermit<Event>,
    pub(super) cancel: CancellationToken,
    pub(super) sampler: Sampler,
    /// `None` while its mask is computed.
    pub(super) constrained: Option<ConstrainedAnswer>,
    pub(super) has_rule: bool,
    pub(super) writer: Writer,
    /// Whether the answer is a message, which is sent in parts.
    pub(super) is_message: bool,
    /// The last token so far.
    pub(super) previous: Option<u32>,
    pub(super) stops: Arc<[String]>,
    pub(super) ignore_ends: bool,
    pub(super) usage: Usage,
    pub(super) clock: Clock,
}

/// The times of an answer's stages.
#[derive(Debug)]
pub(super) struct Clock {
    submitted: Instant,
    admitted: Option<Instant>,
    first: Option<Instant>,
    latest: Instant,
}

/// What follows a token.
#[derive(Debug)]
pub(super) enum NextToken {
    Continue(u32),
    Finish(StopReason),
}

/// Why an answer is aborted.
#[derive(Debug)]
pub(super) enum Abort {
    Failed(AnswerError),
    /// The caller has disconnected.
    Disconnected,
}

impl Answer {
    /// Samples a token and sends the text that it adds.
    pub(super) fn write(
        &mut self,
        logits: &mut [f32],
        tokenizer: &Tokenizer,
        metrics: &Metrics,
    ) -> Result<NextToken, Abort> {
        let allowed = self.constrained.as_ref().map(ConstrainedAnswer::allowed);
        let sampled =
            self.sampler.sample(logits, allowed).map_err(|_| Abort::Failed(AnswerError::NotFinite))?;
        let id = sampled.token;
        let previous = self.previous.replace(id);
        let token = sampled.logprobs.map(|logprobs| token_of(id, previous, logprobs, tokenizer));
        self.usage.completion_tokens += 1;
        self.clock.token(Instant::now(), metrics);
        let complete = match &mut self.constrained {
            Some(constrained) => {
                constrained.accept(id).map_err(|why| Abort::Failed(AnswerError::Grammar(why)))?
            }
            None => false,
        };
        if !self.ignore_ends && tokenizer.ends().contains(&id) {
            return Ok(NextToken::Finish(StopReason::Stop { string: None }));
        }
        let chunk = if tokenizer.is_control(id) {
            self.writer.interrupt(tokenizer.text_of(id), token)
        } else {
            self.writer.push(tokenizer.piece(previous, id), token)
        };
        let stopped = chunk.stopped;
        self.send(chunk)?;
        Ok(match stopped {
            Some(stop) => NextToken::Finish(StopReason::Stop { string: self.stops.get(stop).cloned() }),
            None if complete => NextToken::Finish(StopReason::Stop { string: None }),
            None => NextToken::Continue(id),
        })
    }

    /// Sends the rest of the text and the final event. A failed answer gets no more text.
    pub(super) fn end(
        mut self,
        outcome: Result<StopReason, AnswerError>,
        identity: &Identity,
        metrics: &Metrics,
    ) {
        let outcome = outcome.and_then(|reason| match reason {
            StopReason::Stop { string: Some(_) } => Ok(reason),
            reason => self.finish(reason),
        });
        let event = match outcome {
            Ok(reason) => Event::Ended(Box::new(self.end_of(reason, identity))),
            Err(error) => Event::Failed { choice: self.choice, error },
        };
        metrics.ended(&event, self.clock.submitted.elapsed());
        drop(self.last.send(event));
    }

    /// Returns why the answer should be aborted, if there is a reason.
    pub(super) fn abort_reason(&self) -> Option<Abort> {
        if self.events.is_closed() {
            Some(Abort::Disconnected)
        } else {
            self.cancel.is_cancelled().then_some(Abort::Failed(AnswerError::Cancelled))
        }
    }

    fn finish(&mut self, reason: StopReason) -> Result<StopReason, AnswerError> {
        let kind = if reason == StopReason::Length { FinishKind::Truncated } else { FinishKind::Complete };
        let chunk = std::mem::take(&mut self.writer).finish(kind);
        let string = chunk.stopped.and_then(|stop| self.stops.get(stop).cloned());
        match self.send(chunk) {
            Err(Abort::Failed(error)) => Err(error),
            // The last bytes may complete a stop string.
            _ if string.is_some() => Ok(StopReason::Stop { string }),
            _ => Ok(reason),
        }
    }

    fn send(&self, chunk: Chunk) -> Result<(), Abort> {
        if chunk.parts.is_empty() && chunk.tokens.is_empty() {
            return Ok(());
        }
        let (choice, Chunk { parts, count, tokens, .. }) = (self.choice, chunk);
        if self.is_message {
            return self.send_event(Event::Parts { choice, parts, count, tokens });
        }
        let text = parts.into_iter().filter_map(|part| match part {
            Part::Text(text) => Some(text),
            _ => None,
        });
        self.send_event(Event::Text { choice, text: text.collect(), count, tokens })
    }

    fn send_event(&self, event: Event) -> Result<(), Abort> {
        self.events.try_send(event).map_err(|error| match error {
            TrySendError::Full(_) => {
                Abort::Failed(AnswerError::SlowReader { behind: self.events.max_capacity() })
            }
            TrySendError::Closed(_) => Abort::Disconnected,
        })
    }

    fn end_of(&self, reason: StopReason, identity: &Identity) -> AnswerEnd {
        let receipt = Receipt {
            identity: identity.clone(),
            sampler: self.sampler.sampling().into(),
            constrained: self.has_rule,
            usage: self.usage,
            times: self.clock.times(Instant::now()),
        };
        AnswerEnd { choice: self.choice, reason, usage: self.usage, receipt }
    }
}

impl Clock {
    pub(super) fn new(submitted: Instant) -> Self {
        Self { submitted, admitted: None, first: None, latest: submitted }
    }

    /// Records the admission. Returns whether it was the first one.
    pub(super) fn admitted(&mut self, now: Instant) -> bool {
        let first = self.admitted.is_none();
        self.admitted.get_or_insert(now);
        first
    }

    fn token(&mut self, now: Instant, metrics: &Metrics) {
        match self.first {
            None => metrics.first_token(now - self.submitted),
            Some(_) => metrics.next_token(now - self.latest),
        }
        self.first.get_or_insert(now);
        self.latest = now;
    }

    fn times(&self, now: Instant) -> Times {
        let admitted = self.admitted.unwrap_or(now);
        let first = self.first.unwrap_or(now);
        let between = |from: Instant, to: Instant| to.checked_duration_since(from).unwrap_or(Duration::ZERO);
        Times::new(between(self.submitted, admitted), between(admitted, first), between(first, now))
    }
}

fn token_of(id: u32, previous: Option<u32>, logprobs: Logprobs<'_>, tokenizer: &Tokenizer) -> Token {
    let bytes = |id| tokenizer.piece(previous, id).to_vec();
    let control = |id| tokenizer.is_control(id).then(|| tokenizer.text_of(id).to_owned());
    let alternative =
        |&(id, logprob): &(u32, f32)| Alternative { id, bytes: bytes(id), control: control(id), logprob };
    Token {
        id,
        bytes: bytes(id),
        control: control(id),
        logprob: logprobs.chosen,
        top: logprobs.top.iter().map(alternative).collect(),
    }
}
