//! What may be asked, and why it is refused.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use cortex_batch::Tenant;
use cortex_chat::Parser;
use cortex_grammar::{GrammarError, Rule};
use cortex_sample::{Invalid, Sampling};
use tokio_util::sync::CancellationToken;

/// A text to be continued.
#[derive(Debug, Clone)]
pub struct Request {
    pub tenant: Tenant,
    /// The tenant's share among those that wait.
    pub weight: NonZeroU32,
    pub prompt: Vec<u32>,
    /// How many of the first tokens every tenant may find computed. Nothing in them may be a tenant's own.
    pub shared: usize,
    pub sampling: Sampling,
    /// How many answers; each draws numbers of its own.
    pub choices: u32,
    /// Tokens of an answer; as many as fit if it isn't said.
    pub max_tokens: Option<usize>,
    /// An answer ends before the first of these; a message where its content does.
    pub stops: Vec<String>,
    /// Takes an answer apart that is a message. Without one it is a text.
    pub parser: Option<Parser>,
    /// The answer is read as a whole, so its reader can't be too slow for it.
    pub whole: bool,
    pub grammar: Option<Grammar>,
    /// Goes on after tokens that end a text, for measurements.
    pub ignore_ends: bool,
    pub deadline: Option<Instant>,
    pub cancel: CancellationToken,
}

impl Request {
    /// One answer with the model's own distribution.
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

/// What an answer must be, and where in it that begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Grammar {
    pub rule: Rule,
    /// The marker that ends thinking: text is free until it comes, and it must come.
    pub after: Option<String>,
    /// The marker that opens a call: text is free until it comes, and may end without it.
    pub on: Option<String>,
}

/// FinishKind a request was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    #[error("the model is busy: try again in {} s", retry_after.as_secs())]
    Overloaded { retry_after: Duration },
    #[error("the prompt has {prompt} tokens and {answer} are asked for, but at most {most} fit together")]
    TooLong { prompt: usize, answer: usize, most: usize },
    #[error("{given} answers at once are more than the {most} that one request may have")]
    TooMany { given: usize, most: usize },
    #[error("the prompt has no token")]
    EmptyPrompt,
    #[error("n is 0, it must be at least 1")]
    NoChoices,
    #[error("max_tokens is 0, it must be at least 1")]
    NoTokens,
    #[error("the prompt has token {token}, but the vocabulary has {vocabulary}")]
    UnknownToken { token: u32, vocabulary: usize },
    #[error(transparent)]
    Parameter(#[from] Invalid),
    #[error(transparent)]
    Grammar(#[from] GrammarError),
    #[error("the request was cancelled")]
    Cancelled,
    #[error("the model was unloaded")]
    Stopped,
}
