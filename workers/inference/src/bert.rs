//! BERT (Devlin et al., 2018): the encoder that most small embedding models are. `forward` runs it on the CPU by our
//! own loops, `graph` on any device of candle's.
//!
//! On the CPU texts lie one after the other without padding, so every multiplication is of a token that is there. The weights are
//! packed for the kernels at load; the word table, half of a small model, stays in the file and is mapped.

mod config;
mod forward;
mod graph;
mod weights;

pub(crate) use config::Config;
pub(crate) use forward::{Bert, Scratch};
pub(crate) use graph::Graph;
pub(crate) use weights::WeightsError;
