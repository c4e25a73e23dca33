//! What computes: the CPU by our own forward pass, or an accelerator by candle's.

use std::path::Path;

use super::LoadError;
#[cfg(feature = "candle")]
use super::accelerator::{self, Accelerator};
#[cfg(feature = "candle")]
use super::batch::by_length;
use super::batch::share_out;
use super::files;
use super::pooling::Pooling;
use crate::Device;
#[cfg(not(feature = "candle"))]
use crate::DeviceError;
use crate::bert::{Bert, Config, Memory};

/// A loaded model on its device.
#[derive(Debug)]
pub(super) enum Backend {
    Cpu(Bert),
    #[cfg(feature = "candle")]
    Accelerator(Accelerator),
}

impl Backend {
    pub(super) fn load(dir: &Path, device: Device) -> Result<Self, LoadError> {
        let config: Config = files::json(&dir.join("config.json"))?;
        let weights = dir.join("model.safetensors");
        #[cfg(feature = "candle")]
        if let Some(device) = accelerator::open(device)? {
            return Self::load_on(&weights, config, device);
        }
        #[cfg(not(feature = "candle"))]
        match device {
            Device::Auto | Device::Cpu => (),
            Device::Cuda(_) => return Err(DeviceError::NotBuilt { device, feature: "cuda" }.into()),
            Device::Metal => return Err(DeviceError::NotBuilt { device, feature: "metal" }.into()),
        }
        Bert::load(&weights, &config).map(Self::Cpu).map_err(|error| LoadError::malformed(&weights, error))
    }

    #[cfg(feature = "candle")]
    fn load_on(weights: &Path, config: Config, device: candle_core::Device) -> Result<Self, LoadError> {
        Accelerator::load(weights, config, device)
            .map(Self::Accelerator)
            .map_err(|error| LoadError::malformed(weights, error))
    }

    /// The longest text it can take, in tokens.
    pub(super) fn longest(&self) -> usize {
        match self {
            Self::Cpu(bert) => bert.longest(),
            #[cfg(feature = "candle")]
            Self::Accelerator(accelerator) => accelerator.config().positions,
        }
    }

    pub(super) fn vocabulary(&self) -> usize {
        match self {
            Self::Cpu(bert) => bert.vocabulary(),
            #[cfg(feature = "candle")]
            Self::Accelerator(accelerator) => accelerator.config().vocabulary,
        }
    }

    pub(super) fn dimensions(&self) -> usize {
        match self {
            Self::Cpu(bert) => bert.hidden(),
            #[cfg(feature = "candle")]
            Self::Accelerator(accelerator) => accelerator.config().hidden,
        }
    }

    /// The batches that suit the device, for texts given by their lengths.
    pub(super) fn batches(&self, lengths: &[usize], threads: usize) -> Vec<Vec<usize>> {
        match self {
            Self::Cpu(_) => share_out(lengths, threads),
            #[cfg(feature = "candle")]
            Self::Accelerator(_) => by_length(lengths),
        }
    }

    /// A vector per text.
    pub(super) fn run(
        &self,
        texts: &[&[u32]],
        pooling: Pooling,
        memory: &mut Memory,
    ) -> Result<Vec<Vec<f32>>, String> {
        match self {
            Self::Cpu(bert) => {
                let mut states = bert.forward(texts, memory);
                let vector = |text: &&[u32]| {
                    let (own, rest) = states.split_at(text.len() * bert.hidden());
                    states = rest;
                    pooling.apply(own, bert.hidden())
                };
                Ok(texts.iter().map(vector).collect())
            }
            #[cfg(feature = "candle")]
            Self::Accelerator(accelerator) => {
                accelerator.run(texts, pooling).map_err(|error| error.to_string())
            }
        }
    }
}

#[cfg(all(test, feature = "candle"))]
mod tests {
    use super::*;
    use crate::embed::pooling::Pool;

    /// candle's own CPU stands in for an accelerator.
    #[test]
    fn candle_gives_the_same_vectors() {
        let models = std::env::var_os("CORTEX_TEST_MODELS")
            .expect("this test needs a folder of models named by CORTEX_TEST_MODELS");
        let dir = Path::new(&models).join("all-MiniLM-L6-v2");
        let config: Config = files::json(&dir.join("config.json")).unwrap();
        let ours = Backend::load(&dir, Device::Cpu).unwrap();
        let theirs =
            Backend::load_on(&dir.join("model.safetensors"), config, candle_core::Device::Cpu).unwrap();
        assert_eq!(
            (ours.longest(), ours.vocabulary(), ours.dimensions()),
            (theirs.longest(), theirs.vocabulary(), theirs.dimensions())
        );
        let texts: [&[u32]; 3] = [&[101, 102], &[101, 4937, 2003, 1037, 3899, 102], &[101, 7592, 102]];
        let pooling = Pooling { pool: Pool::Mean, normalise: true };
        let run = |backend: &Backend| backend.run(&texts, pooling, &mut Memory::default()).unwrap();
        for (ours, theirs) in run(&ours).iter().zip(run(&theirs)) {
            let cosine: f32 = ours.iter().zip(theirs).map(|(a, b)| a * b).sum();
            assert!(cosine > 0.999_99, "{cosine}");
        }
    }
}
