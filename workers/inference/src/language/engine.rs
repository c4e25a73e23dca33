//! The handle that callers have.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use cortex_batch::{Batch, Job, Limits, Refused};
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

/// Commands that may wait for the end of a step.
const MAX_COMMANDS: usize = 256;
/// Told to those who find that many waiting.
const FULL_RETRY_AFTER: Duration = Duration::from_secs(1);

/// A loaded language model. Clones share it; it is unloaded with the last one.
#[derive(Debug, Clone)]
pub struct Engine {
    commands: mpsc::Sender<Command>,
    shared: Arc<Shared>,
}

/// What callers need of the model without asking its thread.
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

/// FinishKind an engine could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Vocabulary(#[from] VocabularyError),
    #[error("a thread can't be started: {0}")]
    Thread(#[from] io::Error),
}

impl Engine {
    /// Starts a model's threads. Blocks while the vocabulary is prepared, about a second for a large one.
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

    /// Takes a request into the queue. Its events come through a buffer that ends an answer when it is full, unless the
    /// whole is read at once; dropping the receiver ends it too.
    pub async fn submit(&self, mut request: Request) -> Result<mpsc::Receiver<Event>, SubmitError> {
        let job = self.job(&request)?;
        let constraint = self.compile(&mut request).await?;
        let choices = request.choices as usize;
        // Of a whole answer at most an event for each token, what is left and the end; nobody waits for its reader.
        let most = if request.whole { job.most_new.saturating_add(1) } else { self.shared.events };
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
            Ok(Err(refused)) => Err(self.refusal(refused, &request)),
            Err(_) => Err(SubmitError::Stopped),
        }
    }

    /// Ends every answer and frees the model, whoever still holds a clone.
    pub async fn stop(&self) {
        // Closed means that it has ended already.
        let _ = self.commands.send(Command::Stop).await;
        self.commands.closed().await;
    }

    /// Whether requests are still taken.
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

    /// Bytes that the weights and the cache take on the device.
    pub fn bytes(&self) -> u64 {
        self.shared.bytes
    }

    /// Tokens of the longest prompt and answer together.
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
        let most_new = request.max_tokens.unwrap_or(most.saturating_sub(prompt).max(1));
        match request.choices as usize {
            0 => Err(SubmitError::NoChoices),
            given if given > self.shared.limits.waiting / 2 => {
                Err(SubmitError::TooMany { given, most: self.shared.limits.waiting / 2 })
            }
            _ if most_new == 0 => Err(SubmitError::NoTokens),
            _ if prompt.saturating_add(most_new) > most => {
                Err(SubmitError::TooLong { prompt, answer: most_new, most })
            }
            _ => Ok(Job {
                tenant: request.tenant.clone(),
                weight: request.weight,
                prompt: request.prompt.clone(),
                shared: request.shared,
                most_new,
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

    fn refusal(&self, refused: Refused, request: &Request) -> SubmitError {
        match refused {
            Refused::Full { retry_after } => SubmitError::Overloaded { retry_after },
            Refused::TooMany { given, most } => SubmitError::TooMany { given, most },
            Refused::Empty => SubmitError::EmptyPrompt,
            Refused::TooLong { tokens, most } => {
                let prompt = request.prompt.len();
                SubmitError::TooLong { prompt, answer: tokens - prompt, most }
            }
        }
    }
}

/// One of the answers to a request; `None` if nobody can hear of it.
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
        // Nothing is forced: every token is chosen, so that log-probabilities and steps are what they seem.
        encode: None,
    }
}
