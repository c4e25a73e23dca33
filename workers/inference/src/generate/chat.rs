//! Chat answers.

use bytes::Bytes;
use cortex_api::Problem;
use cortex_api::chat::{
    ChatChunk, ChatCompletion, Choice, ChunkChoice, Delta, LogProbs, MessageView, ToolCallDelta, ToolCallView,
};
use cortex_api::generation::{FinishReason, TokenUsage};
use cortex_chat::{Part, ToolCallIds};

use super::call_id::call_id;
use super::error;
use super::logprobs;
use super::writer::{AnswerHead, Writer, json, receipts};
use crate::language::{AnswerEnd, Event, StopReason, Token};

/// Writes `chat.completion` and its chunks.
pub(super) struct ChatWriter {
    pub(super) head: AnswerHead,
    pub(super) ids: ToolCallIds,
    pub(super) choices: Vec<ChoiceState>,
}

/// The state of one choice of a chat answer.
#[derive(Debug, Default)]
pub(super) struct ChoiceState {
    has_begun: bool,
    content: String,
    reasoning: String,
    calls: Vec<PendingCall>,
    logprob_tokens: Vec<Token>,
    reasoning_tokens: u64,
    end: Option<AnswerEnd>,
}

/// A tool call that is being written.
#[derive(Debug)]
struct PendingCall {
    view: ToolCallView,
    /// Whether all its arguments have arrived.
    is_complete: bool,
}

impl ChoiceState {
    /// Returns the finish reason. A client must not run a call that was left incomplete, nor take
    /// the calls beside it for all calls. The reason is therefore `tool_calls` only if all calls
    /// are complete.
    fn finish_reason(&self, end: &AnswerEnd) -> FinishReason {
        match end.reason {
            StopReason::Length => FinishReason::Length,
            StopReason::Stop { .. } if self.calls.is_empty() => FinishReason::Stop,
            StopReason::Stop { .. } if self.calls.iter().all(|call| call.is_complete) => {
                FinishReason::ToolCalls
            }
            StopReason::Stop { .. } => FinishReason::Stop,
        }
    }

    /// Takes parts and returns what is new. The tokens behind the parts, `count` in number, belong
    /// to the first part.
    fn take(
        &mut self,
        parts: Vec<Part>,
        count: usize,
        mut tokens: Vec<Token>,
        id_of: impl Fn(usize) -> String,
    ) -> (Vec<Delta>, Vec<Token>) {
        match parts.first() {
            Some(Part::Reasoning(_)) => self.reasoning_tokens += count as u64,
            Some(Part::Text(_)) => self.logprob_tokens.extend(tokens.iter().cloned()),
            _ => {}
        }
        if !matches!(parts.first(), Some(Part::Text(_))) {
            tokens.clear();
        }
        (parts.into_iter().filter_map(|part| self.delta(part, &id_of)).collect(), tokens)
    }

    fn delta(&mut self, part: Part, id_of: impl Fn(usize) -> String) -> Option<Delta> {
        match part {
            Part::Text(text) => {
                self.content.push_str(&text);
                Some(Delta::content(text))
            }
            Part::Reasoning(text) => {
                self.reasoning.push_str(&text);
                Some(Delta::reasoning(text))
            }
            Part::Call { index, name } => {
                let id = id_of(index);
                let view = ToolCallView::new(id.clone(), name.clone(), String::new());
                self.calls.push(PendingCall { view, is_complete: false });
                Some(Delta::call(ToolCallDelta::opening(number(index), id, name)))
            }
            Part::Arguments { index, delta } => {
                if let Some(call) = self.calls.get_mut(index) {
                    call.view.function.arguments.push_str(&delta);
                }
                Some(Delta::call(ToolCallDelta::arguments(number(index), delta)))
            }
            Part::Called { index } => {
                if let Some(call) = self.calls.get_mut(index) {
                    call.is_complete = true;
                }
                None
            }
            Part::Broken { .. } => None,
        }
    }

    /// Returns the complete calls.
    fn complete_calls(&mut self) -> Vec<ToolCallView> {
        let calls = std::mem::take(&mut self.calls).into_iter();
        calls.filter(|call| call.is_complete).map(|call| call.view).collect()
    }
}

impl Writer for ChatWriter {
    fn write(&mut self, _: usize, event: Event) -> Result<Vec<Bytes>, Problem> {
        match event {
            Event::Parts { choice, parts, count, tokens } => Ok(self.push(choice, parts, count, tokens)),
            // The engine was asked for a message, so this text is content.
            Event::Text { choice, text, count, tokens } => {
                Ok(self.push(choice, vec![Part::Text(text)], count, tokens))
            }
            Event::Ended(end) => Ok(self.end(*end)),
            Event::Failed { error, .. } => Err(error::answer_error(&error)),
        }
    }

    fn usage(&self) -> TokenUsage {
        let prompt = self.ends().map(|end| end.usage.prompt_tokens).max().unwrap_or(0);
        // The prompt is computed for one choice, and the others find it in the cache.
        let cached = self.ends().map(|end| end.usage.cached_tokens).min().unwrap_or(0);
        let completion: usize = self.ends().map(|end| end.usage.completion_tokens).sum();
        let reasoning = self.choices.iter().map(|state| state.reasoning_tokens).sum();
        TokenUsage::new(prompt as u64, completion as u64).with_cached(cached as u64).with_reasoning(reasoning)
    }

    fn document(&mut self) -> Bytes {
        let (usage, cortex) = (self.usage(), receipts(self.ends()));
        let with_logprobs = self.head.logprobs;
        let choices = self.choices.iter_mut().enumerate().filter_map(|(index, state)| {
            let end = state.end.as_ref()?;
            let finish_reason = state.finish_reason(end);
            let calls = state.complete_calls();
            let content =
                (calls.is_empty() || !state.content.is_empty()).then(|| std::mem::take(&mut state.content));
            let reasoning = Some(std::mem::take(&mut state.reasoning)).filter(|text| !text.is_empty());
            let logprobs = with_logprobs.then(|| logprobs::of_chat(&state.logprob_tokens));
            let message = MessageView::new(content, reasoning, calls);
            Some(Choice { index: number(index), message, logprobs, finish_reason })
        });
        let choices = choices.collect();
        let AnswerHead { id, created, model, .. } = &self.head;
        let whole = ChatCompletion::new(id.clone(), *created, model.clone(), choices, usage);
        json(&ChatCompletion { cortex: Some(cortex), ..whole })
    }
}

impl ChatWriter {
    /// Adds parts to a choice, and returns their chunks.
    fn push(&mut self, choice: u32, parts: Vec<Part>, count: usize, tokens: Vec<Token>) -> Vec<Bytes> {
        let (ids, answer) = (self.ids, self.head.id.clone());
        let state = &mut self.choices[choice as usize];
        let id_of = |call| call_id(ids, &answer, choice, call);
        let (deltas, tokens) = state.take(parts, count, tokens, id_of);
        if !self.head.options.chunks || deltas.is_empty() {
            return vec![];
        }
        let mut logprobs = (self.head.logprobs && !tokens.is_empty()).then(|| logprobs::of_chat(&tokens));
        let mut chunks = self.open(choice);
        for delta in deltas {
            let logprobs = if delta.content.is_some() { logprobs.take() } else { None };
            chunks.push(self.chunk(choice, delta, logprobs, None));
        }
        chunks
    }

    /// Returns the chunk that opens a choice, once.
    fn open(&mut self, choice: u32) -> Vec<Bytes> {
        let has_begun = std::mem::replace(&mut self.choices[choice as usize].has_begun, true);
        if has_begun { vec![] } else { vec![self.chunk(choice, Delta::opening(), None, None)] }
    }

    fn chunk(
        &self,
        choice: u32,
        delta: Delta,
        logprobs: Option<LogProbs>,
        finish_reason: Option<FinishReason>,
    ) -> Bytes {
        let choice = ChunkChoice { index: choice, delta, logprobs, finish_reason };
        json(&ChatChunk { choices: vec![choice], ..self.empty() })
    }

    fn empty(&self) -> ChatChunk {
        let AnswerHead { id, created, model, .. } = &self.head;
        ChatChunk::new(id.clone(), *created, model.clone(), vec![])
    }

    fn end(&mut self, end: AnswerEnd) -> Vec<Bytes> {
        let choice = end.choice;
        let state = &mut self.choices[choice as usize];
        let reason = state.finish_reason(&end);
        state.end = Some(end);
        if !self.head.options.chunks {
            return vec![];
        }
        let mut chunks = self.open(choice);
        let is_last = self.choices.iter().all(|state| state.end.is_some());
        let empty = self.empty();
        let finish = ChunkChoice {
            index: choice,
            delta: Delta::default(),
            logprobs: None,
            finish_reason: Some(reason),
        };
        let cortex = is_last.then(|| receipts(self.ends()));
        if is_last && self.head.options.usage {
            chunks.push(json(&ChatChunk { choices: vec![finish], ..empty.clone() }));
            chunks.push(json(&ChatChunk { usage: Some(self.usage()), cortex, ..empty }));
        } else {
            chunks.push(json(&ChatChunk { choices: vec![finish], cortex, ..empty }));
        }
        chunks
    }

    fn ends(&self) -> impl Iterator<Item = &AnswerEnd> {
        self.choices.iter().filter_map(|state| state.end.as_ref())
    }
}

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
