//! The handle callers have, and the thread behind it.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use tokio::sync::mpsc;

use super::backend::Backend;
use super::batch::BATCH;
use super::pooling::Pooling;
use super::queue::{Call, Queue};
use super::rounds::{Picked, Rounds};
use super::text::{Tokenise, Tokens};
use super::{EmbedError, LoadError, files, parallel};
use crate::Device;
use crate::bert::Memory;

/// A loaded embedding model. Clones share it; it is unloaded with the last one.
#[derive(Debug, Clone)]
pub struct Embedder {
    queue: Queue,
    about: Arc<About>,
}

/// What can be told of the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    pub dimensions: usize,
    /// A longer text is cut.
    pub max_tokens: usize,
}

/// A vector per text, in the texts' order.
#[derive(Debug, Clone, PartialEq)]
pub struct Embeddings {
    pub vectors: Vec<Vec<f32>>,
    /// Computed for them, special ones included.
    pub tokens: usize,
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
        let owner = Owner { backend, tokenise, pooling, memories };
        thread::Builder::new()
            .name("embed".into())
            .spawn(move || owner.serve(calls))
            .map_err(LoadError::Thread)?;
        Ok(Self { queue, about: Arc::new(about) })
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

    /// Embeds texts. Dropping the future cancels the call before its next round.
    ///
    /// # Errors
    /// If the queue is full, or a text can't be tokenised.
    pub async fn embed(&self, texts: Vec<String>) -> Result<Embeddings, EmbedError> {
        self.queue.push(texts)?.await.unwrap_or(Err(EmbedError::Stopped))
    }
}

/// What the model's thread has.
struct Owner {
    backend: Backend,
    tokenise: Tokenise,
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
                    Some(call) => self.admit(call, &mut rounds),
                    None => return,
                }
            }
            while let Ok(call) = calls.try_recv() {
                self.admit(call, &mut rounds);
            }
            rounds.drop_gone();
            self.round(&mut rounds);
        }
    }

    fn admit(&mut self, call: Call, rounds: &mut Rounds) {
        if call.is_gone() {
            return;
        }
        let tokens = parallel::map(&mut self.memories, &call.texts, |_, text| self.tokenise.tokens(text));
        let bad = |(index, tokens): (usize, Result<Tokens, String>)| {
            tokens.map_err(|reason| EmbedError::BadText { index, reason })
        };
        match tokens.into_iter().enumerate().map(bad).collect() {
            Ok(tokens) => rounds.admit(call, tokens),
            Err(error) => call.answer(Err(error)),
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
