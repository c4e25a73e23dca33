//! Decoder-only transformers: weights, cache and forward pass.
//!
//! [`Model::open`] reads a Hugging Face folder or a GGUF file of the families in [`Family`]. The
//! weights stay in the mapped files, in the files' own formats. [`Model::forward`] runs one step
//! with [`Segment`]s of many sequences, long ones and single tokens mixed. Their keys and values
//! lie in the blocks of a [`Cache`].
//!
//! A sequence's logits are bitwise identical for any split into segments, for any other sequences
//! in the step, and for any number of threads.

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
