//! Models that run in the worker's own process.
//!
//! `embed` is the engine for embeddings: a queue, batches, one owner of the model. `bert` is the forward pass on the
//! CPU, on the loops of `cortex-compute`; `host` is the model host's HTTP door. `language` is the engine for language models,
//! `generate` what it is asked and answers in OpenAI's shape. `lanes` keeps long work away from the threads that serve.

mod bert;
pub mod blocking;
mod device;
mod dtype;
pub mod embed;
pub mod generate;
pub mod host;
pub mod language;

pub use device::{Device, DeviceError};
pub use dtype::{Dtype, UnknownDtype};
