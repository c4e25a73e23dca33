//! Counters of the engine, which any thread may read.

mod histogram;
pub mod names;
mod text;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cortex_batch::{Plan, Usage};
use histogram::Histogram;
pub use text::render;

use super::{AnswerError, Event, StopReason};

/// The counters of one engine.
#[derive(Debug)]
pub struct Metrics {
    first_token: Histogram,
    between_tokens: Histogram,
    request: Histogram,
    sequences: Histogram,
    step_tokens: Histogram,
    cache_use: Histogram,
    prompt_tokens: AtomicU64,
    found_tokens: AtomicU64,
    generated_tokens: AtomicU64,
    preempted: AtomicU64,
    refused: AtomicU64,
    ended: [AtomicU64; OUTCOMES.len()],
    running: AtomicU64,
    waiting: AtomicU64,
    blocks: AtomicU64,
    held: AtomicU64,
    kept: AtomicU64,
}

/// The label values of an answer's outcome.
const OUTCOMES: [&str; 9] =
    ["stop", "length", "deadline", "cancelled", "slow_reader", "not_finite", "device", "grammar", "stopped"];

impl Default for Metrics {
    fn default() -> Self {
        Self {
            first_token: Histogram::new(names::FIRST_TOKEN_BOUNDS),
            between_tokens: Histogram::new(names::BETWEEN_TOKENS_BOUNDS),
            request: Histogram::new(names::REQUEST_BOUNDS),
            sequences: Histogram::new(names::SEQUENCES_BOUNDS),
            step_tokens: Histogram::new(names::STEP_TOKENS_BOUNDS),
            cache_use: Histogram::new(names::CACHE_USE_BOUNDS),
            prompt_tokens: AtomicU64::new(0),
            found_tokens: AtomicU64::new(0),
            generated_tokens: AtomicU64::new(0),
            preempted: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            ended: Default::default(),
            running: AtomicU64::new(0),
            waiting: AtomicU64::new(0),
            blocks: AtomicU64::new(0),
            held: AtomicU64::new(0),
            kept: AtomicU64::new(0),
        }
    }
}

impl Metrics {
    /// Returns what was in use after the latest step.
    pub fn now(&self) -> Usage {
        let read = |gauge: &AtomicU64| usize::try_from(gauge.load(Ordering::Relaxed)).unwrap_or(usize::MAX);
        Usage {
            waiting: read(&self.waiting),
            running: read(&self.running),
            blocks: read(&self.blocks),
            held: read(&self.held),
            kept: read(&self.kept),
        }
    }

    pub(super) fn admitted(&self, prompt: usize, found: usize) {
        add(&self.prompt_tokens, prompt);
        add(&self.found_tokens, found);
    }

    pub(super) fn refused(&self) {
        add(&self.refused, 1);
    }

    pub(super) fn first_token(&self, since_submitted: Duration) {
        add(&self.generated_tokens, 1);
        self.first_token.count(since_submitted.as_secs_f64());
    }

    pub(super) fn next_token(&self, since_last: Duration) {
        add(&self.generated_tokens, 1);
        self.between_tokens.count(since_last.as_secs_f64());
    }

    pub(super) fn step(&self, plan: &Plan, usage: Usage) {
        self.sequences.count(plan.segments.len() as f64);
        self.step_tokens.count(plan.tokens() as f64);
        self.cache_use.count(usage.held as f64 / usage.blocks.max(1) as f64);
        add(&self.preempted, plan.preempted.len());
    }

    pub(super) fn usage(&self, usage: Usage) {
        let gauges = [
            (&self.running, usage.running),
            (&self.waiting, usage.waiting),
            (&self.blocks, usage.blocks),
            (&self.held, usage.held),
            (&self.kept, usage.kept),
        ];
        gauges.into_iter().for_each(|(gauge, value)| gauge.store(value as u64, Ordering::Relaxed));
    }

    pub(super) fn ended(&self, event: &Event, took: Duration) {
        let outcome = match event {
            Event::Text { .. } | Event::Parts { .. } => return,
            Event::Ended(end) => match end.reason {
                StopReason::Stop { .. } => 0,
                StopReason::Length => 1,
            },
            Event::Failed { error, .. } => match error {
                AnswerError::Deadline => 2,
                AnswerError::Cancelled => 3,
                AnswerError::SlowReader { .. } => 4,
                AnswerError::NotFinite => 5,
                AnswerError::Device(_) => 6,
                AnswerError::Grammar(_) => 7,
                AnswerError::Stopped => 8,
            },
        };
        add(&self.ended[outcome], 1);
        self.request.count(took.as_secs_f64());
    }
}

fn add(counter: &AtomicU64, by: usize) {
    counter.fetch_add(by as u64, Ordering::Relaxed);
}
