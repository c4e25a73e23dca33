//! One answer that is being written.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cortex_chat::Part;
use cortex_sample::{Logprobs, Sampler};
use cortex_tokens::Tokenizer;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{OwnedPermit, Sender};
use tokio_util::sync::CancellationToken;

use super::event::{Alternative, End, Event, Failure, Reason, Token};
use super::masks::Constrained;
use super::metrics::Metrics;
use super::receipt::{Identity, Receipt, Times, Usage};
use super::writer::{Chunk, Why, Writer};

/// What an answer does until it ends.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) choice: u32,
    pub(super) events: Sender<Event>,
    /// Room for the last event, kept from the start so that it always arrives.
    pub(super) last: OwnedPermit<Event>,
    pub(super) cancel: CancellationToken,
    pub(super) sampler: Sampler,
    /// Away while its mask is computed.
    pub(super) constrained: Option<Constrained>,
    pub(super) has_rule: bool,
    pub(super) writer: Writer,
    /// Whether it is a message, told in parts.
    pub(super) is_message: bool,
    /// The token before the next one.
    pub(super) previous: Option<u32>,
    pub(super) stops: Arc<[String]>,
    pub(super) ignore_ends: bool,
    pub(super) usage: Usage,
    pub(super) clock: Clock,
}

/// When things happened to an answer.
#[derive(Debug)]
pub(super) struct Clock {
    submitted: Instant,
    admitted: Option<Instant>,
    first: Option<Instant>,
    latest: Instant,
}

/// What comes after a token.
#[derive(Debug)]
pub(super) enum Next {
    Goes(u32),
    Ends(Reason),
}

/// Why an answer is cut.
#[derive(Debug)]
pub(super) enum Cut {
    Failed(Failure),
    /// Nobody listens any more.
    Gone,
}

impl Answer {
    /// Chooses a token and sends what it adds to the text.
    pub(super) fn write(
        &mut self,
        logits: &mut [f32],
        tokenizer: &Tokenizer,
        metrics: &Metrics,
    ) -> Result<Next, Cut> {
        let allowed = self.constrained.as_ref().map(Constrained::allowed);
        let sampled = self.sampler.sample(logits, allowed).map_err(|_| Cut::Failed(Failure::NotFinite))?;
        let id = sampled.token;
        let previous = self.previous.replace(id);
        let token = sampled.logprobs.map(|logprobs| told(id, previous, logprobs, tokenizer));
        self.usage.completion_tokens += 1;
        self.clock.token(Instant::now(), metrics);
        let complete = match &mut self.constrained {
            Some(constrained) => constrained.accept(id).map_err(|why| Cut::Failed(Failure::Grammar(why)))?,
            None => false,
        };
        if !self.ignore_ends && tokenizer.ends().contains(&id) {
            return Ok(Next::Ends(Reason::Stop { string: None }));
        }
        let chunk = if tokenizer.is_control(id) {
            self.writer.interrupt(tokenizer.text_of(id), token)
        } else {
            self.writer.push(tokenizer.piece(previous, id), token)
        };
        let stopped = chunk.stopped;
        self.send(chunk)?;
        Ok(match stopped {
            Some(stop) => Next::Ends(Reason::Stop { string: self.stops.get(stop).cloned() }),
            None if complete => Next::Ends(Reason::Stop { string: None }),
            None => Next::Goes(id),
        })
    }

    /// Sends what is left of the text and the end. An answer that was cut has no more text.
    pub(super) fn end(mut self, outcome: Result<Reason, Failure>, identity: &Identity, metrics: &Metrics) {
        let outcome = outcome.and_then(|reason| match reason {
            Reason::Stop { string: Some(_) } => Ok(reason),
            reason => self.finish(reason),
        });
        let event = match outcome {
            Ok(reason) => Event::Ended(Box::new(self.whole(reason, identity))),
            Err(error) => Event::Failed { choice: self.choice, error },
        };
        metrics.ended(&event, self.clock.submitted.elapsed());
        drop(self.last.send(event));
    }

    /// Why the answer is no longer wanted, if it isn't.
    pub(super) fn unwanted(&self) -> Option<Cut> {
        if self.events.is_closed() {
            Some(Cut::Gone)
        } else {
            self.cancel.is_cancelled().then_some(Cut::Failed(Failure::Cancelled))
        }
    }

    fn finish(&mut self, reason: Reason) -> Result<Reason, Failure> {
        let why = if reason == Reason::Length { Why::Cut } else { Why::Ended };
        let chunk = std::mem::take(&mut self.writer).finish(why);
        let string = chunk.stopped.and_then(|stop| self.stops.get(stop).cloned());
        match self.send(chunk) {
            Err(Cut::Failed(error)) => Err(error),
            // A stop string may be whole only with the last bytes.
            _ if string.is_some() => Ok(Reason::Stop { string }),
            _ => Ok(reason),
        }
    }

    fn send(&self, chunk: Chunk) -> Result<(), Cut> {
        if chunk.parts.is_empty() && chunk.tokens.is_empty() {
            return Ok(());
        }
        let (choice, Chunk { parts, count, tokens, .. }) = (self.choice, chunk);
        if self.is_message {
            return self.tell(Event::Parts { choice, parts, count, tokens });
        }
        let text = parts.into_iter().filter_map(|part| match part {
            Part::Text(text) => Some(text),
            _ => None,
        });
        self.tell(Event::Text { choice, text: text.collect(), count, tokens })
    }

    fn tell(&self, event: Event) -> Result<(), Cut> {
        self.events.try_send(event).map_err(|error| match error {
            TrySendError::Full(_) => Cut::Failed(Failure::SlowReader { behind: self.events.max_capacity() }),
            TrySendError::Closed(_) => Cut::Gone,
        })
    }

    fn whole(&self, reason: Reason, identity: &Identity) -> End {
        let receipt = Receipt {
            identity: identity.clone(),
            sampler: self.sampler.sampling().into(),
            constrained: self.has_rule,
            usage: self.usage,
            times: self.clock.times(Instant::now()),
        };
        End { choice: self.choice, reason, usage: self.usage, receipt }
    }
}

impl Clock {
    pub(super) fn new(submitted: Instant) -> Self {
        Self { submitted, admitted: None, first: None, latest: submitted }
    }

    /// Whether it was the first time.
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

fn told(id: u32, previous: Option<u32>, logprobs: Logprobs<'_>, tokenizer: &Tokenizer) -> Token {
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
