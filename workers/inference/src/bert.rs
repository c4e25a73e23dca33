//! BERT on the CPU (Devlin et al., 2018): the encoder that most small embedding models are.
//!
//! Texts lie one after the other without padding, so every multiplication is of a token that is there. The weights are
//! packed for the kernels at load; the word table, half of a small model, stays in the file and is mapped.

mod config;
mod forward;
mod weights;

pub(crate) use config::Config;
pub(crate) use forward::{Bert, Memory};
pub(crate) use weights::WeightsError;
