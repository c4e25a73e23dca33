//! Models that run in the worker's own process.
//!
//! `embed` is the engine for embeddings, and `language` the engine for language models. `bert` is
//! the forward pass for embeddings on the CPU, on the loops of `cortex-compute`. `generate` serves
//! requests in OpenAI's shape with a language model. `host` is the model host's HTTP server.
//! `blocking` runs long work away from the threads that serve.

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
