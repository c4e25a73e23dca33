use std::num::NonZeroUsize;
use std::thread::available_parallelism;
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::LoadError;
use crate::language::Settings;
use crate::{Device, Dtype};

/// Options for loading a model.
#[derive(Debug, Clone)]
pub struct LoadOptions {
    /// The model's name in receipts.
    pub name: String,
    /// SHA-256 of the model's files in hex, if known.
    pub sha256: Option<String>,
    pub device: Device,
    /// The floats to compute in. [`ComputeDevice::open`](crate::language::ComputeDevice::open)
    /// names the defaults.
    pub dtype: Option<Dtype>,
    /// The number of threads for the CPU's loops. candle uses `RAYON_NUM_THREADS`, or all threads.
    pub threads: NonZeroUsize,
    /// The maximum number of tokens in a prompt and its answer, if less than the model's own limit.
    pub context: Option<NonZeroUsize>,
    /// Bytes that weights and cache together may take. By default all free memory.
    pub memory: Option<u64>,
    /// Bytes for keys and values. By default half of the memory that is left besides the weights,
    /// at most 4 GiB of the machine's own, and no more than `settings.running` sequences can use.
    pub cache_bytes: Option<u64>,
    pub settings: Settings,
    /// When the load fails if it isn't done.
    pub deadline: Option<Instant>,
    pub cancel: CancellationToken,
}

impl LoadOptions {
    /// Returns the options for the best available device, with all threads.
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

    /// Checks whether to continue.
    ///
    /// # Errors
    ///
    /// Returns an error if the load was cancelled or its deadline has passed.
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
