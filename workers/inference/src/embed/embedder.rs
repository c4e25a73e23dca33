//! The handle callers have, and the thread behind it.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use cortex_api::Problem;
use cortex_domain::id::Tenant;
use tokio::sync::mpsc;

use super::backend::Backend;
use super::batch::BATCH;
use super::pooling::Pooling;
use super::queue::{Call, Queue};
use super::rounds::{Picked, Rounds};
use super::text::{Read, Tokenise};
use super::{EmbedError, LoadError, files, parallel};
use crate::Device;
use crate::bert::Memory;
use crate::lanes::Lanes;

/// Texts for which another thread is worth its start.
const TEXTS: usize = 8;

/// A loaded embedding model. Clones share it; it is unloaded with the last one.
#[derive(Debug, Clone)]
pub struct Embedder {
    queue: Queue,
    about: Arc<About>,
    tokenise: Arc<Tokenise>,
    lanes: Lanes,
    threads: NonZeroUsize,
}

/// What can be told of the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    pub dimensions: usize,
    /// Of a text; a longer one is refused, or cut where that is asked for.
    pub max_tokens: usize,
}

/// What is done with a text that has more tokens than the model takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Longer {
    Refuse,
    Cut,
}

/// A vector per text, in the texts' order.
#[derive(Debug, Clone, PartialEq)]
pub struct Embeddings {
    pub vectors: Vec<Vec<f32>>,
    /// Computed for them, special ones included.
    pub tokens: usize,
    /// Which texts were cut, by their indices.
    pub cut: Vec<usize>,
}

impl Embedder {
    /// Loads a sentence-transformers folder. Blocks, for the weights are read.
    ///
    /// # Errors
    /// If a file is missing, malformed or asks for what is not supported, or the device can't be used.
    pub fn load(dir: &Path, device: Device, threads: NonZeroUsize) -> Result<Self, LoadError> {
        let backend = Backend::load(dir, device)?;
        let max_tokens = files::max_seq_length(dir)?.unwrap_or(usize::MAX).min(backend.longest());
        let tokenise = Tokenise::load(&dir.join("tokenizer.json"), max_tokens, backend.vocabulary())?;
        let about = About { dimensions: backend.dimensions(), max_tokens };
        let (queue, calls) = Queue::new();
        let pooling = files::pooling(dir)?;
        let memories = (0..threads.get()).map(|_| Memory::default()).collect();
        let owner = Owner { backend, pooling, memories };
        thread::Builder::new()
            .name("embed".into())
            .spawn(move || owner.serve(calls))
            .map_err(LoadError::Thread)?;
        let (about, tokenise, lanes) = (Arc::new(about), Arc::new(tokenise), Lanes::default());
        Ok(Self { queue, about, tokenise, lanes, threads })
    }

    #[must_use]
    pub fn about(&self) -> &About {
        &self.about
    }

    /// Whether calls are still answered.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.queue.is_open()
    }

    /// Where tenants' requests are read.
    #[must_use]
    pub fn lanes(&self) -> &Lanes {
        &self.lanes
    }

    /// Embeds a tenant's texts. Dropping the future cancels the call before its next round.
    ///
    /// # Errors
    /// If the queue is full, or a text can't be tokenised or is too long.
    pub async fn embed(
        &self,
        tenant: &Tenant,
        texts: Vec<String>,
        longer: Longer,
    ) -> Result<Embeddings, EmbedError> {
        let share = self.queue.reserve(tenant, &texts)?;
        let (tokenise, most, threads) = (self.tokenise.clone(), self.about.max_tokens, self.threads);
        let work = move || {
            let mut hands = vec![(); threads.get().min(texts.len().div_ceil(TEXTS)).max(1)];
            let read = parallel::map(&mut hands, &texts, |(), text| tokenise.read(text));
            let checked = |(index, read): (usize, Result<Read, String>)| match read {
                Ok(read) if read.cut && longer == Longer::Refuse => Err(EmbedError::TooLong { index, most }),
                read => read.map_err(|reason| EmbedError::BadText { index, reason }),
            };
            read.into_iter().enumerate().map(checked).collect::<Result<Vec<_>, _>>()
        };
        let texts = self.lanes.run(tenant.as_str(), work).await.map_err(unread)??;
        self.queue.push(texts, share)?.await.unwrap_or(Err(EmbedError::Stopped))
    }
}

fn unread(problem: Problem) -> EmbedError {
    match problem.wait() {
        Some(retry_after) => EmbedError::Overloaded { retry_after },
        None => EmbedError::Device(problem.detail),
    }
}

/// What the model's thread has.
struct Owner {
    backend: Backend,
    pooling: Pooling,
    /// One per thread that computes.
    memories: Vec<Memory>,
}

impl Owner {
    /// Ends when every [`Embedder`] is gone and every call answered.
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
            rounds.drop_gone();
            self.round(&mut rounds);
        }
    }

    fn round(&mut self, rounds: &mut Rounds) {
        let threads = self.memories.len();
        let picked = rounds.next(2 * threads * BATCH);
        let lengths: Vec<usize> = picked.iter().map(|picked| picked.tokens.len()).collect();
        let batches = self.backend.batches(&lengths, threads);
        let rounds = Mutex::new(rounds);
        parallel::map(&mut self.memories, &batches, |memory, batch| {
            let batch: Vec<&Picked> = batch.iter().map(|&text| &picked[text]).collect();
            let texts: Vec<&[u32]> = batch.iter().map(|picked| picked.tokens.as_slice()).collect();
            let vectors = self.backend.run(&texts, self.pooling, memory);
            let mut rounds = rounds.lock().expect("placing a vector does not panic");
            match vectors {
                Ok(vectors) => {
                    batch.into_iter().zip(vectors).for_each(|(picked, vector)| rounds.place(picked, vector));
                }
                Err(reason) => batch.into_iter().for_each(|picked| rounds.fail(picked, &reason)),
            }
        });
    }
}
