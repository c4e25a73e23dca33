//! The handle that callers share.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use cortex_batch::{Batch, Job, Limits, QueueError};
use cortex_grammar::{Compiler, Constraint, Vocabulary, VocabularyError};
use cortex_sample::{Sampler, Sampling};
use cortex_tokens::Tokenizer;
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::answer::{Answer, Clock};
use super::engine_loop::{Command, EngineLoop, Submission};
use super::grammars::Grammars;
use super::masks::{ConstrainedAnswer, MaskThread};
use super::request::Grammar;
use super::writer::Writer;
use super::{Event, Identity, Metrics, PlacedModel, Request, Settings, SubmitError, Usage};

/// How many commands may wait for the end of a step.
const MAX_COMMANDS: usize = 256;
/// When to try again if that many commands wait.
const FULL_RETRY_AFTER: Duration = Duration::from_secs(1);

/// A loaded language model. Clones share it, and dropping the last one unloads it.
#[derive(Debug, Clone)]
pub struct Engine {
    commands: mpsc::Sender<Command>,
    shared: Arc<Shared>,
}

/// What callers need without asking the model's thread.
#[derive(Debug)]
struct Shared {
    tokenizer: Tokenizer,
    grammars: Grammars,
    identity: Arc<Identity>,
    metrics: Arc<Metrics>,
    limits: Limits,
    bytes: u64,
    events: usize,
}

/// Why an engine could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Vocabulary(#[from] VocabularyError),
    #[error("can't start a thread: {0}")]
    Thread(#[from] io::Error),
}

impl Engine {
    /// Starts a model's threads. Blocks while the vocabulary is prepared, which takes about a
    /// second for a large one.
    pub fn start(
        placed: PlacedModel,
        tokenizer: Tokenizer,
        identity: Identity,
        settings: &Settings,
    ) -> Result<Self, StartError> {
        let PlacedModel { network, blocks, context, bytes } = placed;
        let Settings { running, waiting, step_tokens, events } = *settings;
        let batch = Batch::new(Limits { blocks, step_tokens, running, waiting, context });
        let shared = Arc::new(Shared {
            grammars: Grammars::new(Compiler::new(vocabulary(&tokenizer), Default::default())?),
            tokenizer: tokenizer.clone(),
            identity: Arc::new(identity),
            metrics: Arc::default(),
            limits: *batch.limits(),
            bytes,
            events,
        });
        let (commands, receiver) = mpsc::channel(MAX_COMMANDS);
        let owner = EngineLoop {
            network,
            batch,
            masks: MaskThread::start()?,
            tokenizer,
            identity: shared.identity.clone(),
            metrics: shared.metrics.clone(),
            answers: BTreeMap::new(),
            start: Instant::now(),
        };
        thread::Builder::new().name("language".into()).spawn(move || owner.serve(receiver))?;
        Ok(Self { commands, shared })
    }

    /// Queues a request. Its events arrive in a buffer. The answer ends if the buffer is full,
    /// unless the request is `whole`, and also if the receiver is dropped.
    pub async fn submit(&self, mut request: Request) -> Result<mpsc::Receiver<Event>, SubmitError> {
        let job = self.job(&request)?;
        let constraint = self.compile(&mut request).await?;
        let choices = request.choices as usize;
        // A whole answer has at most an event for each token, one for the rest and one for the end.
        // The buffer holds them all, because its reader may start late.
        let most = if request.whole { job.max_new_tokens.saturating_add(1) } else { self.shared.events };
        let room = most.saturating_add(1).saturating_mul(choices);
        let (events, receiver) = mpsc::channel(room.min(Semaphore::MAX_PERMITS));
        let answers = (0..request.choices)
            .map(|choice| answer(&request, choice, constraint.clone(), &events))
            .collect::<Option<Vec<_>>>()
            .ok_or(SubmitError::Stopped)?;
        let (accepted, outcome) = oneshot::channel();
        let submission = Submission { job, deadline: request.deadline, answers, accepted };
        self.commands.try_send(Command::Submit(Box::new(submission))).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => SubmitError::Overloaded { retry_after: FULL_RETRY_AFTER },
            mpsc::error::TrySendError::Closed(_) => SubmitError::Stopped,
        })?;
        match outcome.await {
            Ok(Ok(())) => Ok(receiver),
            Ok(Err(error)) => Err(self.submit_error(error, &request)),
            Err(_) => Err(SubmitError::Stopped),
        }
    }

    /// Ends every answer and frees the model, even if clones are still in use.
    pub async fn stop(&self) {
        // A closed channel means that the loop has already ended.
        let _ = self.commands.send(Command::Stop).await;
        self.commands.closed().await;
    }

    /// Returns whether the engine still takes requests.
    pub fn is_alive(&self) -> bool {
        !self.commands.is_closed()
    }

    pub fn tokenizer(&self) -> &Tokenizer {
        &self.shared.tokenizer
    }

    pub fn identity(&self) -> &Identity {
        &self.shared.identity
    }

    pub fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }

    /// Returns the bytes that weights and cache take on the device.
    pub fn bytes(&self) -> u64 {
        self.shared.bytes
    }

    /// Returns the maximum number of tokens in a prompt and its answer together.
    pub fn longest(&self) -> usize {
        self.shared.limits.longest()
    }

    fn job(&self, request: &Request) -> Result<Job, SubmitError> {
        let vocabulary = self.shared.tokenizer.vocabulary();
        request.sampling.check()?;
        request.sampling.check_vocabulary(vocabulary)?;
        let (prompt, most) = (request.prompt.len(), self.longest());
        if prompt == 0 {
            return Err(SubmitError::EmptyPrompt);
        }
        if let Some(&token) = request.prompt.iter().find(|token| **token as usize >= vocabulary) {
            return Err(SubmitError::UnknownToken { token, vocabulary });
        }
        let max_new_tokens = request.max_tokens.unwrap_or(most.saturating_sub(prompt).max(1));
        match request.choices as usize {
            0 => Err(SubmitError::NoChoices),
            given if given > self.shared.limits.waiting / 2 => {
                Err(SubmitError::TooMany { given, most: self.shared.limits.waiting / 2 })
            }
            _ if max_new_tokens == 0 => Err(SubmitError::NoTokens),
            _ if prompt.saturating_add(max_new_tokens) > most => {
                Err(SubmitError::TooLong { prompt, answer: max_new_tokens, most })
            }
            _ => Ok(Job {
                tenant: request.tenant.clone(),
                weight: request.weight,
                prompt: request.prompt.clone(),
                shared: request.shared,
                max_new_tokens,
                deadline: None,
            }),
        }
    }

    async fn compile(&self, request: &mut Request) -> Result<Option<Constraint>, SubmitError> {
        let Some(Grammar { rule, on, after }) = request.grammar.take() else { return Ok(None) };
        let compiled = self.shared.grammars.compile(&request.tenant, rule, &request.cancel);
        let constraint = compiled.await?.on(on.as_deref().unwrap_or_default());
        Ok(Some(constraint.after(after.as_deref().unwrap_or_default())))
    }

    fn submit_error(&self, error: QueueError, request: &Request) -> SubmitError {
        match error {
            QueueError::Full { retry_after } => SubmitError::Overloaded { retry_after },
            QueueError::TooMany { given, max } => SubmitError::TooMany { given, most: max },
            QueueError::Empty => SubmitError::EmptyPrompt,
            QueueError::TooLong { tokens, max } => {
                let prompt = request.prompt.len();
                SubmitError::TooLong { prompt, answer: tokens - prompt, most: max }
            }
        }
    }
}

/// Returns one of the answers to a request, or `None` if its receiver is gone.
fn answer(
    request: &Request,
    choice: u32,
    constraint: Option<Constraint>,
    events: &mpsc::Sender<Event>,
) -> Option<Answer> {
    let sampling = Sampling { choice, ..request.sampling.clone() };
    Some(Answer {
        choice,
        events: events.clone(),
        last: events.clone().try_reserve_owned().ok()?,
        cancel: request.cancel.clone(),
        sampler: Sampler::new(sampling, &request.prompt),
        has_rule: constraint.is_some(),
        constrained: constraint.map(ConstrainedAnswer::new),
        writer: Writer::new(request.stops.clone(), request.parser.clone()),
        is_message: request.parser.is_some(),
        previous: request.prompt.last().copied(),
        stops: request.stops.clone().into(),
        ignore_ends: request.ignore_ends,
        usage: Usage { prompt_tokens: request.prompt.len(), ..Usage::default() },
        clock: Clock::new(Instant::now()),
    })
}

pub(super) fn vocabulary(tokenizer: &Tokenizer) -> Vocabulary {
    let all = || 0..u32::try_from(tokenizer.vocabulary()).unwrap_or(u32::MAX);
    let control = all().filter(|token| tokenizer.is_control(*token));
    Vocabulary {
        tokens: all().map(|token| tokenizer.bytes(token).to_vec()).collect(),
        control: control.map(|token| (token, tokenizer.text_of(token).to_owned())).collect(),
        ends: tokenizer.ends().to_vec(),
        // No token is forced. Every token is sampled, so that log-probabilities and step counts are
        // real.
        encode: None,
    }
}
