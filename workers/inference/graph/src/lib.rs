//! The forward pass of a language model as candle's operations, for accelerators.
//!
//! [`Graph`] copies the weights of an opened [`Model`](cortex_transformer::Model) to a device, and
//! runs the same steps there as the model on the CPU. Its results are close to the model's but not
//! bitwise equal. A device's libraries may sum in another order when other sequences are in the
//! step.

mod cache;
mod error;
mod graph;
mod layer;
mod linear;
mod step;

pub use cache::Cache;
pub use error::GraphError;
pub use graph::Graph;
