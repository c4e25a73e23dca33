//! Requests to the engine, and why it rejects them.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use cortex_batch::Tenant;
use cortex_chat::Parser;
use cortex_grammar::{GrammarError, Rule};
use cortex_sample::{InvalidParameter, Sampling};
use tokio_util::sync::CancellationToken;

/// A prompt to continue.
#[derive(Debug, Clone)]
pub struct Request {
    pub tenant: Tenant,
    /// The tenant's share among waiting tenants.
    pub weight: NonZeroU32,
    pub prompt: Vec<u32>,
    /// How many of the first tokens all tenants may find in the cache. They must contain nothing of
    /// a tenant.
    pub shared: usize,
    pub sampling: Sampling,
    /// The number of answers. Each samples with random numbers of its own.
    pub choices: u32,
    /// The maximum number of tokens in an answer. By default as many as fit.
    pub max_tokens: Option<usize>,
    /// The answer ends before the first of these. In a message, only the content is searched.
    pub stops: Vec<String>,
    /// Splits a message into parts. Without a parser, the answer is plain text.
    pub parser: Option<Parser>,
    /// Whether the caller reads the answer as a whole, so that it can't fall behind.
    pub whole: bool,
    pub grammar: Option<Grammar>,
    /// Continues after tokens that end a text, for measurements.
    pub ignore_ends: bool,
    pub deadline: Option<Instant>,
    pub cancel: CancellationToken,
}

impl Request {
    /// Returns a request for one answer from the model's own distribution.
    pub fn new(tenant: Tenant, prompt: Vec<u32>) -> Self {
        Self {
            tenant,
            weight: NonZeroU32::MIN,
            prompt,
            shared: 0,
            sampling: Sampling::default(),
            choices: 1,
            max_tokens: None,
            stops: Vec::new(),
            parser: None,
            whole: false,
            grammar: None,
            ignore_ends: false,
            deadline: None,
            cancel: CancellationToken::new(),
        }
    }
}

/// A rule for an answer, and where in the answer it applies.
#[derive(Debug, Clone, PartialEq)]
pub struct Grammar {
    pub rule: Rule,
    /// The marker that ends the reasoning. Text before it is free, and the marker is required.
    pub after: Option<String>,
    /// The marker that opens a call. Text before it is free, and the marker is optional.
    pub on: Option<String>,
}

/// Why a request was rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    #[error("the model is busy: try again in {} s", retry_after.as_secs())]
    Overloaded { retry_after: Duration },
    #[error(
        "the prompt has {prompt} tokens and the answer may have {answer}, but at most {most} fit together"
    )]
    TooLong { prompt: usize, answer: usize, most: usize },
    #[error("invalid `n`: {given} answers are more than the maximum of {most}")]
    TooMany { given: usize, most: usize },
    #[error("the prompt must have at least one token")]
    EmptyPrompt,
    #[error("invalid `n`: must be at least 1")]
    NoChoices,
    #[error("invalid `max_tokens`: must be at least 1")]
    NoTokens,
    #[error("the prompt contains token {token}, but the vocabulary has only {vocabulary}")]
    UnknownToken { token: u32, vocabulary: usize },
    #[error(transparent)]
    Parameter(#[from] InvalidParameter),
    #[error(transparent)]
    Grammar(#[from] GrammarError),
    #[error("the request was cancelled")]
    Cancelled,
    #[error("the model was unloaded: try again")]
    Stopped,
}
