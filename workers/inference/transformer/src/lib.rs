//! Decoder-only transformers: weights, cache and forward pass.
//!
//! [`Model::open`] reads a Hugging Face folder or a GGUF file of the families in [`Family`]; the weights stay in the
//! mapped files, in the format they have there. [`Model::forward`] runs one step: [`Segment`]s of many sequences, long
//! ones and single tokens mixed, whose keys and values lie in the blocks of a [`Cache`].
//!
//! A sequence's logits are the same to the bit however its tokens are cut into pieces, whatever other sequences share
//! the step, and on any number of threads.

mod cache;
mod forward;
mod model;
mod options;
mod segment;
mod shape;
mod weights;

pub use cache::Cache;
pub use cortex_compute::{BLOCK, PagesError as CacheError, Store};
pub use forward::ForwardError;
pub use model::{Description, Model};
pub use options::{Options, Progress};
pub use segment::{LogitsFor, Segment, SegmentError};
pub use shape::{Biases, ConfigError, Family, Rope, Scaling, Shape};
pub use weights::{Layer, Linear, LoadError, Weights, WeightsError};
