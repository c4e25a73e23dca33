//! BERT (Devlin et al., 2018), the encoder of most small embedding models. `forward` runs it on the
//! CPU with our own loops, and `graph` on any device of candle.
//!
//! On the CPU, texts lie one after the other without padding, so every multiplication is for an
//! actual token. The weights are packed for the compute loops when the model is loaded. The word
//! table, half of a small model, stays in the file and is mapped.

mod config;
mod forward;
mod graph;
mod weights;

pub(crate) use config::Config;
pub(crate) use forward::{Bert, Scratch};
pub(crate) use graph::Graph;
pub(crate) use weights::WeightsError;
