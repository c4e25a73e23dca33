//! Text completions.

use bytes::Bytes;
use cortex_api::Problem;
use cortex_api::completions::{Completion, CompletionChoice, CompletionLogProbs};
use cortex_api::generation::{FinishReason, TokenUsage};

use super::error;
use super::logprobs::{self, Offsets};
use super::writer::{AnswerHead, Writer, json, receipts};
use crate::language::{AnswerEnd, Event, StopReason, Token};

/// Writes `text_completion`, in one document or in chunks.
pub(super) struct CompletionWriter {
    pub(super) head: AnswerHead,
    /// How many answers each prompt gets.
    pub(super) n: usize,
    /// The choices of every prompt in turn.
    pub(super) choices: Vec<TextState>,
}

/// The state of one choice of a completion.
#[derive(Debug, Default)]
pub(super) struct TextState {
    text: String,
    tokens: Vec<Token>,
    /// Where the next token begins.
    offsets: Offsets,
    end: Option<AnswerEnd>,
}

impl Writer for CompletionWriter {
    fn write(&mut self, prompt: usize, event: Event) -> Result<Vec<Bytes>, Problem> {
        match event {
            Event::Text { choice, text, tokens, .. } => {
                Ok(self.push(prompt * self.n + choice as usize, &text, tokens))
            }
            // The engine was asked for a text, so it sends no parts.
            Event::Parts { .. } => Ok(vec![]),
            Event::Ended(end) => Ok(self.end(prompt * self.n + end.choice as usize, *end)),
            Event::Failed { error, .. } => Err(error::answer_error(&error)),
        }
    }

    fn usage(&self) -> TokenUsage {
        // Each prompt is computed once, regardless of how many answers it gets.
        let prompts = self.choices.chunks(self.n).filter_map(|choices| choices[0].end.as_ref());
        let (mut read, mut cached) = (0, 0);
        for end in prompts {
            read += end.usage.prompt_tokens;
            cached += end.usage.cached_tokens;
        }
        let completion: usize = self.ends().map(|end| end.usage.completion_tokens).sum();
        TokenUsage::new(read as u64, completion as u64).with_cached(cached as u64)
    }

    fn document(&mut self) -> Bytes {
        let (usage, cortex) = (self.usage(), receipts(self.ends()));
        let choices = self.choices.iter().enumerate().filter_map(|(index, state)| {
            let reason = reason(state.end.as_ref()?);
            let logprobs =
                self.head.logprobs.then(|| logprobs::of_completion(&state.tokens, &mut Offsets::default()));
            Some(choice(index, &state.text, logprobs, Some(reason)))
        });
        let whole = Completion { choices: choices.collect(), ..self.empty() };
        json(&Completion { usage: Some(usage), cortex: Some(cortex), ..whole })
    }
}

impl CompletionWriter {
    fn push(&mut self, index: usize, text: &str, tokens: Vec<Token>) -> Vec<Bytes> {
        let state = &mut self.choices[index];
        state.text.push_str(text);
        let offsets = &mut state.offsets;
        let logprobs = self.head.logprobs.then(|| logprobs::of_completion(&tokens, offsets));
        state.tokens.extend(tokens);
        if !self.head.options.chunks {
            return vec![];
        }
        vec![json(&Completion { choices: vec![choice(index, text, logprobs, None)], ..self.empty() })]
    }

    fn end(&mut self, index: usize, end: AnswerEnd) -> Vec<Bytes> {
        let finish = choice(index, "", None, Some(reason(&end)));
        self.choices[index].end = Some(end);
        if !self.head.options.chunks {
            return vec![];
        }
        let is_last = self.choices.iter().all(|state| state.end.is_some());
        let cortex = is_last.then(|| receipts(self.ends()));
        let finish = Completion { choices: vec![finish], ..self.empty() };
        if is_last && self.head.options.usage {
            let usage = Completion { usage: Some(self.usage()), cortex, ..self.empty() };
            return vec![json(&finish), json(&usage)];
        }
        vec![json(&Completion { cortex, ..finish })]
    }

    fn empty(&self) -> Completion {
        let AnswerHead { id, created, model, .. } = &self.head;
        Completion::new(id.clone(), *created, model.clone(), vec![])
    }

    fn ends(&self) -> impl Iterator<Item = &AnswerEnd> {
        self.choices.iter().filter_map(|state| state.end.as_ref())
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

fn reason(end: &AnswerEnd) -> FinishReason {
    match end.reason {
        StopReason::Length => FinishReason::Length,
        StopReason::Stop { .. } => FinishReason::Stop,
    }
}
