//! The forward pass of a loaded model: our own on the CPU, or candle's on an accelerator.

use std::path::Path;

use super::LoadError;
use super::accelerator::Accelerator;
use super::batch::by_length;
use super::batch::share_out;
use super::files;
use super::pooling::Pooling;
use crate::Device;
use crate::bert::{Bert, Config, Scratch};

/// A loaded model on its device.
#[derive(Debug)]
pub(super) enum Backend {
    Cpu(Bert),
    Accelerator(Accelerator),
}

impl Backend {
    pub(super) fn load(dir: &Path, device: Device) -> Result<Self, LoadError> {
        let config: Config = files::json(&dir.join("config.json"))?;
        let weights = dir.join("model.safetensors");
        if let Some(device) = device.open()? {
            return Self::load_on(&weights, config, device);
        }
        Bert::load(&weights, &config).map(Self::Cpu).map_err(|error| LoadError::malformed(&weights, error))
    }

    fn load_on(weights: &Path, config: Config, device: candle_core::Device) -> Result<Self, LoadError> {
        Accelerator::load(weights, config, device)
            .map(Self::Accelerator)
            .map_err(|error| LoadError::malformed(weights, error))
    }

    /// Returns the longest text, in tokens.
    pub(super) fn longest(&self) -> usize {
        match self {
            Self::Cpu(bert) => bert.longest(),
            Self::Accelerator(accelerator) => accelerator.config().positions,
        }
    }

    pub(super) fn vocabulary(&self) -> usize {
        match self {
            Self::Cpu(bert) => bert.vocabulary(),
            Self::Accelerator(accelerator) => accelerator.config().vocabulary,
        }
    }

    pub(super) fn dimensions(&self) -> usize {
        match self {
            Self::Cpu(bert) => bert.hidden(),
            Self::Accelerator(accelerator) => accelerator.config().hidden,
        }
    }

    /// Divides texts, given by their lengths, into batches that suit the device.
    pub(super) fn batches(&self, lengths: &[usize], threads: usize) -> Vec<Vec<usize>> {
        match self {
            Self::Cpu(_) => share_out(lengths, threads),
            Self::Accelerator(_) => by_length(lengths),
        }
    }

    /// Returns a vector per text.
    pub(super) fn run(
        &self,
        texts: &[&[u32]],
        pooling: Pooling,
        scratch: &mut Scratch,
    ) -> Result<Vec<Vec<f32>>, String> {
        match self {
            Self::Cpu(bert) => {
                let mut states = bert.forward(texts, scratch);
                let vector = |text: &&[u32]| {
                    let (own, rest) = states.split_at(text.len() * bert.hidden());
                    states = rest;
                    pooling.apply(own, bert.hidden())
                };
                Ok(texts.iter().map(vector).collect())
            }
            Self::Accelerator(accelerator) => {
                accelerator.run(texts, pooling).map_err(|error| error.to_string())
            }
        }
    }
}
