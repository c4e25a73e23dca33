//! What computes: the CPU, by our own forward pass.

use std::path::Path;

use super::LoadError;
use super::files;
use super::pooling::Pooling;
use crate::bert::{Bert, Config, Memory};
use crate::{Device, DeviceError};

/// A loaded model on its device.
#[derive(Debug)]
pub(super) enum Backend {
    Cpu(Bert),
}

impl Backend {
    pub(super) fn load(dir: &Path, device: Device) -> Result<Self, LoadError> {
        let file = dir.join("config.json");
        let config: Config = files::json(&file)?;
        let weights = dir.join("model.safetensors");
        match device {
            Device::Auto | Device::Cpu => Bert::load(&weights, &config)
                .map(Self::Cpu)
                .map_err(|error| LoadError::malformed(&weights, error)),
            Device::Cuda(_) => Err(DeviceError::NotBuilt { device, feature: "cuda" }.into()),
            Device::Metal => Err(DeviceError::NotBuilt { device, feature: "metal" }.into()),
        }
    }

    pub(super) fn longest(&self) -> usize {
        match self {
            Self::Cpu(bert) => bert.longest(),
        }
    }

    pub(super) fn vocabulary(&self) -> usize {
        match self {
            Self::Cpu(bert) => bert.vocabulary(),
        }
    }

    pub(super) fn dimensions(&self) -> usize {
        match self {
            Self::Cpu(bert) => bert.hidden(),
        }
    }

    /// A vector per text.
    pub(super) fn run(&self, texts: &[&[u32]], pooling: Pooling, memory: &mut Memory) -> Vec<Vec<f32>> {
        match self {
            Self::Cpu(bert) => {
                let mut states = bert.forward(texts, memory);
                let vector = |text: &&[u32]| {
                    let (own, rest) = states.split_at(text.len() * bert.hidden());
                    states = rest;
                    pooling.apply(own, bert.hidden())
                };
                texts.iter().map(vector).collect()
            }
        }
    }
}
