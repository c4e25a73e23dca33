use std::num::NonZeroUsize;
use std::thread::available_parallelism;
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::LoadError;
use crate::language::Settings;
use crate::{Device, Dtype};

/// How a model is loaded.
#[derive(Debug, Clone)]
pub struct LoadOptions {
    /// What the model is called in receipts.
    pub name: String,
    /// SHA-256 of the model's files, in hex, where it is known.
    pub sha256: Option<String>,
    pub device: Device,
    /// What it computes in; [`ComputeDevice::open`](crate::language::ComputeDevice::open) says what it is by default.
    pub dtype: Option<Dtype>,
    /// Threads of the CPU's loops; candle takes as many as `RAYON_NUM_THREADS` says, or all.
    pub threads: NonZeroUsize,
    /// Tokens of the longest prompt and answer together, if fewer than the model was made for.
    pub context: Option<NonZeroUsize>,
    /// Bytes that weights and cache together may take; by default all that are free.
    pub memory: Option<u64>,
    /// Bytes for keys and values. By default half of the memory that is left beside the weights, at most 4 GiB of the
    /// machine's own, and no more than `settings.running` sequences can use.
    pub cache_bytes: Option<u64>,
    pub settings: Settings,
    /// The load fails when it isn't done by then.
    pub deadline: Option<Instant>,
    pub cancel: CancellationToken,
}

impl LoadOptions {
    /// Backend the best device there is, with all threads.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            sha256: None,
            device: Device::Auto,
            dtype: None,
            threads: available_parallelism().unwrap_or(NonZeroUsize::MIN),
            context: None,
            memory: None,
            cache_bytes: None,
            settings: Settings::default(),
            deadline: None,
            cancel: CancellationToken::new(),
        }
    }

    /// Sees that the load is still wanted.
    ///
    /// # Errors
    /// If it was cancelled, or its deadline has passed.
    pub fn check(&self) -> Result<(), LoadError> {
        if self.cancel.is_cancelled() {
            return Err(LoadError::Cancelled);
        }
        match self.deadline {
            Some(deadline) if deadline <= Instant::now() => Err(LoadError::Deadline),
            _ => Ok(()),
        }
    }
}
