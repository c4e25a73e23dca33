//! The forward pass of a language model as candle's operations, for accelerators.
//!
//! [`Graph`] takes the weights of an opened [`Model`](cortex_transformer::Model) to a device and runs the same steps there
//! as the model runs on the CPU. Its results are close to the model's, not the same to the bit: a device's libraries may
//! sum in another order when a step has other company.

mod cache;
mod error;
mod graph;
mod layer;
mod linear;
mod step;

pub use cache::Cache;
pub use error::GraphError;
pub use graph::Graph;
