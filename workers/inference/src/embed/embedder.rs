//! The handle that callers share, and the thread that owns the model.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use cortex_api::Problem;
use cortex_domain::id::Tenant;
use tokio::sync::mpsc;

use super::backend::Backend;
use super::batch::BATCH_TOKENS;
use super::pooling::Pooling;
use super::queue::{Call, Queue};
use super::rounds::{RoundText, Rounds};
use super::text::{TextTokenizer, TokenisedText};
use super::{EmbedError, LoadError, files, parallel};
use crate::Device;
use crate::bert::Scratch;
use crate::blocking::BlockingPool;

/// How many texts make another thread worth its start.
const TEXTS_PER_THREAD: usize = 8;

/// A loaded embedding model. Clones share it, and dropping the last one unloads it.
#[derive(Debug, Clone)]
pub struct Embedder {
    queue: Queue,
    info: Arc<ModelInfo>,
    tokenizer: Arc<TextTokenizer>,
    pool: BlockingPool,
    threads: NonZeroUsize,
}

/// Describes a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelInfo {
    pub dimensions: usize,
    /// The longest text in tokens. A longer one is rejected, or truncated on request.
    pub max_tokens: usize,
}

/// What to do with a text that has more tokens than the model accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LongText {
    Reject,
    Truncate,
}

/// A vector per text, in the order of the texts.
#[derive(Debug, Clone, PartialEq)]
pub struct Embeddings {
    pub vectors: Vec<Vec<f32>>,
    /// How many tokens were computed, including special ones.
    pub tokens: usize,
    /// The indices of the texts that were truncated.
    pub truncated: Vec<usize>,
}

impl Embedder {
    /// Loads a sentence-transformers folder. Blocks while the weights are read.
    ///
    /// # Errors
    ///
    /// Returns an error if a file is missing, malformed or unsupported, or if the device can't be
    /// used.
    pub fn load(dir: &Path, device: Device, threads: NonZeroUsize) -> Result<Self, LoadError> {
        let backend = Backend::load(dir, device)?;
        let max_tokens = files::max_seq_length(dir)?.unwrap_or(usize::MAX).min(backend.longest());
        let tokenizer = TextTokenizer::load(&dir.join("tokenizer.json"), max_tokens, backend.vocabulary())?;
        let info = ModelInfo { dimensions: backend.dimensions(), max_tokens };
        let (queue, calls) = Queue::new();
        let pooling = files::pooling(dir)?;
        let scratches = (0..threads.get()).map(|_| Scratch::default()).collect();
        let owner = ModelThread { backend, pooling, scratches };
        thread::Builder::new()
            .name("embed".into())
            .spawn(move || owner.serve(calls))
            .map_err(LoadError::Thread)?;
        let (info, tokenizer, pool) = (Arc::new(info), Arc::new(tokenizer), BlockingPool::default());
        Ok(Self { queue, info, tokenizer, pool, threads })
    }

    #[must_use]
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// Returns whether the model still answers calls.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.queue.is_open()
    }

    /// Returns the pool in which tenants' requests are parsed.
    #[must_use]
    pub fn pool(&self) -> &BlockingPool {
        &self.pool
    }

    /// Embeds a tenant's texts. Dropping the future cancels the call before its next round.
    ///
    /// # Errors
    ///
    /// Returns an error if the queue is full, or if a text can't be tokenised or is too long.
    pub async fn embed(
        &self,
        tenant: &Tenant,
        texts: Vec<String>,
        long_text: LongText,
    ) -> Result<Embeddings, EmbedError> {
        let reservation = self.queue.reserve(tenant, &texts)?;
        let (tokenizer, most, threads) = (self.tokenizer.clone(), self.info.max_tokens, self.threads);
        let work = move || {
            let mut workers = vec![(); threads.get().min(texts.len().div_ceil(TEXTS_PER_THREAD)).max(1)];
            let read = parallel::map(&mut workers, &texts, |(), text| tokenizer.read(text));
            let checked = |(index, read): (usize, Result<TokenisedText, String>)| match read {
                Ok(read) if read.truncated && long_text == LongText::Reject => {
                    Err(EmbedError::TooLong { index, most })
                }
                read => read.map_err(|reason| EmbedError::BadText { index, reason }),
            };
            read.into_iter().enumerate().map(checked).collect::<Result<Vec<_>, _>>()
        };
        let texts = self.pool.run(tenant.as_str(), work).await.map_err(read_error)??;
        self.queue.push(texts, reservation)?.await.unwrap_or(Err(EmbedError::Stopped))
    }
}

fn read_error(problem: Problem) -> EmbedError {
    match problem.wait() {
        Some(retry_after) => EmbedError::Overloaded { retry_after },
        None => EmbedError::Device(problem.detail),
    }
}

/// State of the model's thread.
struct ModelThread {
    backend: Backend,
    pooling: Pooling,
    /// One per compute thread.
    scratches: Vec<Scratch>,
}

impl ModelThread {
    /// Serves calls until every [`Embedder`] is dropped and every call is answered.
    fn serve(mut self, mut calls: mpsc::Receiver<Call>) {
        let mut rounds = Rounds::default();
        loop {
            if rounds.is_empty() {
                match calls.blocking_recv() {
                    Some(call) => rounds.admit(call),
                    None => return,
                }
            }
            while let Ok(call) = calls.try_recv() {
                rounds.admit(call);
            }
            rounds.drop_disconnected();
            self.round(&mut rounds);
        }
    }

    fn round(&mut self, rounds: &mut Rounds) {
        let threads = self.scratches.len();
        let picked = rounds.next(2 * threads * BATCH_TOKENS);
        let lengths: Vec<usize> = picked.iter().map(|picked| picked.tokens.len()).collect();
        let batches = self.backend.batches(&lengths, threads);
        let rounds = Mutex::new(rounds);
        parallel::map(&mut self.scratches, &batches, |scratch, batch| {
            let batch: Vec<&RoundText> = batch.iter().map(|&text| &picked[text]).collect();
            let texts: Vec<&[u32]> = batch.iter().map(|picked| picked.tokens.as_slice()).collect();
            let vectors = self.backend.run(&texts, self.pooling, scratch);
            let mut rounds = rounds.lock().expect("storing a vector does not panic");
            match vectors {
                Ok(vectors) => {
                    batch.into_iter().zip(vectors).for_each(|(picked, vector)| rounds.store(picked, vector));
                }
                Err(reason) => batch.into_iter().for_each(|picked| rounds.fail(picked, &reason)),
            }
        });
    }
}
