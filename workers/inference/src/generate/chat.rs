//! Answers to conversations.

use bytes::Bytes;
use cortex_chat::{Parser, Part, ToolCallIds};
use cortex_guard::Problem;
use cortex_guard::api::chat::{
    ChatChunk, ChatCompletion, Choice, ChunkChoice, Delta, LogProbs, MessageView, ToolCallDelta, ToolCallView,
};
use cortex_guard::api::generation::{FinishReason, TokenUsage};

use super::call_id::call_id;
use super::logprobs;
use super::refuse;
use super::writer::{Head, Writer, json, receipts};
use crate::language::{End, Event, Reason, Token};

/// Writes `chat.completion` and its chunks.
pub(super) struct ChatWriter {
    pub(super) head: Head,
    pub(super) ids: ToolCallIds,
    pub(super) choices: Vec<Spoken>,
}

/// What was said so far in one choice.
#[derive(Debug)]
pub(super) struct Spoken {
    /// Gone at the end.
    parser: Option<Parser>,
    has_begun: bool,
    content: String,
    reasoning: String,
    calls: Vec<ToolCallView>,
    /// Tokens of which it isn't known yet whether they are content.
    pending: Vec<Token>,
    pending_count: u64,
    told: Vec<Token>,
    reasoning_tokens: u64,
    end: Option<End>,
}

impl Spoken {
    pub(super) fn new(parser: Parser) -> Self {
        Self {
            parser: Some(parser),
            has_begun: false,
            content: String::new(),
            reasoning: String::new(),
            calls: Vec::new(),
            pending: Vec::new(),
            pending_count: 0,
            told: Vec::new(),
            reasoning_tokens: 0,
            end: None,
        }
    }

    fn finish_reason(&self, end: &End) -> FinishReason {
        match end.reason {
            Reason::Length => FinishReason::Length,
            Reason::Stop { .. } if !self.calls.is_empty() => FinishReason::ToolCalls,
            Reason::Stop { .. } => FinishReason::Stop,
        }
    }

    /// Takes parts, and gives what is new in them with the tokens behind its content.
    fn take(&mut self, parts: Vec<Part>, id_of: impl Fn(usize) -> String) -> (Vec<Delta>, Vec<Token>) {
        let mut deltas = Vec::with_capacity(parts.len());
        let mut tokens = Vec::new();
        for part in parts {
            deltas.extend(match part {
                Part::Text(text) => {
                    tokens.append(&mut self.pending);
                    self.content.push_str(&text);
                    Some(Delta::content(text))
                }
                Part::Reasoning(text) => {
                    self.reasoning_tokens += std::mem::take(&mut self.pending_count);
                    self.reasoning.push_str(&text);
                    Some(Delta::reasoning(text))
                }
                Part::Call { index, name } => {
                    let id = id_of(index);
                    self.calls.push(ToolCallView::new(id.clone(), name.clone(), String::new()));
                    Some(Delta::call(ToolCallDelta::opening(number(index), id, name)))
                }
                Part::Arguments { index, delta } => {
                    if let Some(call) = self.calls.get_mut(index) {
                        call.function.arguments.push_str(&delta);
                    }
                    Some(Delta::call(ToolCallDelta::arguments(number(index), delta)))
                }
                Part::Called { .. } | Part::Broken { .. } => None,
            });
            self.pending.clear();
            self.pending_count = 0;
        }
        self.told.extend(tokens.iter().cloned());
        (deltas, tokens)
    }
}

impl Writer for ChatWriter {
    fn write(&mut self, _: usize, event: Event) -> Result<Vec<Bytes>, Problem> {
        match event {
            Event::Text { choice, text, count, tokens } => {
                let spoken = &mut self.choices[choice as usize];
                spoken.pending.extend(tokens);
                spoken.pending_count += count as u64;
                let parts = spoken.parser.as_mut().map(|parser| parser.push(&text)).unwrap_or_default();
                Ok(self.say(choice, parts))
            }
            Event::Control { choice, token } => {
                let parser = self.choices[choice as usize].parser.as_mut();
                let parts = parser.map(|parser| parser.special(&token)).unwrap_or_default();
                Ok(self.say(choice, parts))
            }
            Event::Ended(end) => Ok(self.end(*end)),
            Event::Failed { error, .. } => Err(refuse::failure(&error)),
        }
    }

    fn document(&mut self) -> Bytes {
        let (usage, cortex) = (self.usage(), receipts(self.ends()));
        let with_logprobs = self.head.logprobs;
        let choices = self.choices.iter_mut().enumerate().filter_map(|(index, spoken)| {
            let end = spoken.end.as_ref()?;
            let finish_reason = spoken.finish_reason(end);
            let calls = std::mem::take(&mut spoken.calls);
            let content =
                (calls.is_empty() || !spoken.content.is_empty()).then(|| std::mem::take(&mut spoken.content));
            let reasoning = Some(std::mem::take(&mut spoken.reasoning)).filter(|text| !text.is_empty());
            let logprobs = with_logprobs.then(|| logprobs::of_chat(&spoken.told));
            let message = MessageView::new(content, reasoning, calls);
            Some(Choice { index: number(index), message, logprobs, finish_reason })
        });
        let choices = choices.collect();
        let Head { id, created, model, .. } = &self.head;
        let whole = ChatCompletion::new(id.clone(), *created, model.clone(), choices, usage);
        json(&ChatCompletion { cortex: Some(cortex), ..whole })
    }
}

impl ChatWriter {
    /// Takes what was said in a choice.
    fn say(&mut self, choice: u32, parts: Vec<Part>) -> Vec<Bytes> {
        let (ids, answer) = (self.ids, self.head.id.clone());
        let spoken = &mut self.choices[choice as usize];
        let (deltas, tokens) = spoken.take(parts, |call| call_id(ids, &answer, choice, call));
        if !self.head.wanted.chunks || deltas.is_empty() {
            return vec![];
        }
        let mut told = (self.head.logprobs && !tokens.is_empty()).then(|| logprobs::of_chat(&tokens));
        let mut chunks = self.open(choice);
        for delta in deltas {
            let logprobs = if delta.content.is_some() { told.take() } else { None };
            chunks.push(self.chunk(choice, delta, logprobs, None));
        }
        chunks
    }

    /// The chunk that opens a choice, once.
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
        let Head { id, created, model, .. } = &self.head;
        ChatChunk::new(id.clone(), *created, model.clone(), vec![])
    }

    fn end(&mut self, end: End) -> Vec<Bytes> {
        let choice = end.choice;
        let parser = self.choices[choice as usize].parser.take();
        let parts = parser.map(|parser| parser.finish().0).unwrap_or_default();
        let mut chunks = self.say(choice, parts);
        let spoken = &mut self.choices[choice as usize];
        let reason = spoken.finish_reason(&end);
        spoken.end = Some(end);
        if !self.head.wanted.chunks {
            return chunks;
        }
        chunks.extend(self.open(choice));
        let is_last = self.choices.iter().all(|spoken| spoken.end.is_some());
        let empty = self.empty();
        let finish = ChunkChoice {
            index: choice,
            delta: Delta::default(),
            logprobs: None,
            finish_reason: Some(reason),
        };
        let cortex = is_last.then(|| receipts(self.ends()));
        if is_last && self.head.wanted.usage {
            chunks.push(json(&ChatChunk { choices: vec![finish], ..empty.clone() }));
            chunks.push(json(&ChatChunk { usage: Some(self.usage()), cortex, ..empty }));
        } else {
            chunks.push(json(&ChatChunk { choices: vec![finish], cortex, ..empty }));
        }
        chunks
    }

    fn ends(&self) -> impl Iterator<Item = &End> {
        self.choices.iter().filter_map(|spoken| spoken.end.as_ref())
    }

    fn usage(&self) -> TokenUsage {
        let prompt = self.ends().map(|end| end.usage.prompt_tokens).max().unwrap_or(0);
        let cached = self.ends().map(|end| end.usage.cached_tokens).max().unwrap_or(0);
        let written: usize = self.ends().map(|end| end.usage.completion_tokens).sum();
        let reasoning = self.choices.iter().map(|spoken| spoken.reasoning_tokens).sum();
        TokenUsage::new(prompt as u64, written as u64).with_cached(cached as u64).with_reasoning(reasoning)
    }
}

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
