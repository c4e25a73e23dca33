//! Texts that are gone on with.

use bytes::Bytes;
use cortex_api::Problem;
use cortex_api::completions::{Completion, CompletionChoice, CompletionLogProbs};
use cortex_api::generation::{FinishReason, TokenUsage};

use super::logprobs::{self, Offsets};
use super::refuse;
use super::writer::{Head, Writer, json, receipts};
use crate::language::{End, Event, Reason, Token};

/// Writes `text_completion`, whole or in chunks.
pub(super) struct CompletionWriter {
    pub(super) head: Head,
    /// Answers to each prompt.
    pub(super) n: usize,
    /// Of every prompt in turn.
    pub(super) choices: Vec<Written>,
}

/// What was written so far in one choice.
#[derive(Debug, Default)]
pub(super) struct Written {
    text: String,
    tokens: Vec<Token>,
    /// Where the next token begins.
    offsets: Offsets,
    end: Option<End>,
}

impl Writer for CompletionWriter {
    fn write(&mut self, prompt: usize, event: Event) -> Result<Vec<Bytes>, Problem> {
        match event {
            Event::Text { choice, text, tokens, .. } => {
                Ok(self.say(prompt * self.n + choice as usize, &text, tokens))
            }
            // The engine was asked for a text.
            Event::Parts { .. } => Ok(vec![]),
            Event::Ended(end) => Ok(self.end(prompt * self.n + end.choice as usize, *end)),
            Event::Failed { error, .. } => Err(refuse::failure(&error)),
        }
    }

    fn document(&mut self) -> Bytes {
        let (usage, cortex) = (self.usage(), receipts(self.ends()));
        let choices = self.choices.iter().enumerate().filter_map(|(index, written)| {
            let reason = reason(written.end.as_ref()?);
            let logprobs =
                self.head.logprobs.then(|| logprobs::of_completion(&written.tokens, &mut Offsets::default()));
            Some(choice(index, &written.text, logprobs, Some(reason)))
        });
        let whole = Completion { choices: choices.collect(), ..self.empty() };
        json(&Completion { usage: Some(usage), cortex: Some(cortex), ..whole })
    }
}

impl CompletionWriter {
    fn say(&mut self, index: usize, text: &str, tokens: Vec<Token>) -> Vec<Bytes> {
        let written = &mut self.choices[index];
        written.text.push_str(text);
        let offsets = &mut written.offsets;
        let logprobs = self.head.logprobs.then(|| logprobs::of_completion(&tokens, offsets));
        written.tokens.extend(tokens);
        if !self.head.wanted.chunks {
            return vec![];
        }
        vec![json(&Completion { choices: vec![choice(index, text, logprobs, None)], ..self.empty() })]
    }

    fn end(&mut self, index: usize, end: End) -> Vec<Bytes> {
        let finish = choice(index, "", None, Some(reason(&end)));
        self.choices[index].end = Some(end);
        if !self.head.wanted.chunks {
            return vec![];
        }
        let is_last = self.choices.iter().all(|written| written.end.is_some());
        let cortex = is_last.then(|| receipts(self.ends()));
        let finish = Completion { choices: vec![finish], ..self.empty() };
        if is_last && self.head.wanted.usage {
            let usage = Completion { usage: Some(self.usage()), cortex, ..self.empty() };
            return vec![json(&finish), json(&usage)];
        }
        vec![json(&Completion { cortex, ..finish })]
    }

    fn empty(&self) -> Completion {
        let Head { id, created, model, .. } = &self.head;
        Completion::new(id.clone(), *created, model.clone(), vec![])
    }

    fn ends(&self) -> impl Iterator<Item = &End> {
        self.choices.iter().filter_map(|written| written.end.as_ref())
    }

    fn usage(&self) -> TokenUsage {
        // Each prompt was read once, whatever the number of answers to it.
        let prompts = self.choices.chunks(self.n).filter_map(|choices| choices[0].end.as_ref());
        let (mut read, mut cached) = (0, 0);
        for end in prompts {
            read += end.usage.prompt_tokens;
            cached += end.usage.cached_tokens;
        }
        let written: usize = self.ends().map(|end| end.usage.completion_tokens).sum();
        TokenUsage::new(read as u64, written as u64).with_cached(cached as u64)
    }
}

fn choice(
    index: usize,
    text: &str,
    logprobs: Option<CompletionLogProbs>,
    finish_reason: Option<FinishReason>,
) -> CompletionChoice {
    let index = u32::try_from(index).unwrap_or(u32::MAX);
    CompletionChoice { index, text: text.to_owned(), logprobs, finish_reason }
}

fn reason(end: &End) -> FinishReason {
    match end.reason {
        Reason::Length => FinishReason::Length,
        Reason::Stop { .. } => FinishReason::Stop,
    }
}
