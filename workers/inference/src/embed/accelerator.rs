//! The forward pass with candle, on an accelerator or on the CPU. A batch is a rectangle here, so
//! texts are padded to its longest text.

use std::path::Path;

use candle_core::{DType, Error, Result, Tensor};
use candle_nn::VarBuilder;

use super::pooling::Pooling;
use crate::bert::{Config, Graph};

/// A model on an accelerator.
pub(super) struct Accelerator {
    model: Graph,
    device: candle_core::Device,
    config: Config,
}

impl Accelerator {
    pub(super) fn load(weights: &Path, config: Config, device: candle_core::Device) -> Result<Self> {
        // SAFETY: model files are replaced by renaming, never written in place, so the bytes stay
        // as they are.
        let tensors = unsafe { VarBuilder::from_mmaped_safetensors(&[weights], DType::F32, &device)? };
        Ok(Self { model: Graph::load(&tensors, &config)?, device, config })
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// Returns a vector per text.
    pub(super) fn run(&self, texts: &[&[u32]], pooling: Pooling) -> Result<Vec<Vec<f32>>> {
        let longest = texts.iter().map(|text| text.len()).max().unwrap_or(0);
        let (mut tokens, mut mask) = (vec![0; texts.len() * longest], vec![0f32; texts.len() * longest]);
        for (row, text) in texts.iter().enumerate() {
            tokens[row * longest..][..text.len()].copy_from_slice(text);
            mask[row * longest..][..text.len()].fill(1.0);
        }
        let shape = (texts.len(), longest);
        let tokens = Tensor::from_vec(tokens, shape, &self.device)?;
        let mask = Tensor::from_vec(mask, shape, &self.device)?;
        let states = self.model.forward(&tokens, &mask)?;
        let states = states.flatten_all()?.to_vec1::<f32>()?;
        let width = self.config.hidden;
        let rows = states.chunks_exact(longest * width).zip(texts);
        let vectors: Vec<_> =
            rows.map(|(row, text)| pooling.apply(&row[..text.len() * width], width)).collect();
        if vectors.iter().flatten().all(|value| value.is_finite()) {
            Ok(vectors)
        } else {
            Err(Error::Msg("the device returned a vector that is not finite".into()))
        }
    }
}

impl std::fmt::Debug for Accelerator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Accelerator")
            .field("device", &self.device)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
