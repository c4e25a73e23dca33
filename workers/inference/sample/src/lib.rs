//! Chooses the next token from logits.
//!
//! One [`Sampler`] belongs to one answer. Each step takes the model's logits and applies, in this
//! order:
//!
//! 1. log-probabilities, if requested, of the model's own distribution: before all steps below and
//!    at temperature 1. They don't depend on the sampling parameters or the grammar;
//! 2. repetition penalty over prompt and answer (Keskar et al. 2019, section 4.1, as `transformers`
//!    applies it), then frequency and presence penalty over the answer only (the formula in
//!    OpenAI's reference, which vLLM follows);
//! 3. logit bias, added;
//! 4. the mask: tokens that it doesn't allow get -inf before any filter runs;
//! 5. temperature; at 0, the largest logit wins (the lowest id among equals) and the rest is
//!    skipped;
//! 6. top-k, top-p (Holtzman et al. 2020), min-p (Nguyen et al. 2024) and typical sampling (Meister
//!    et al. 2023), in the order of `transformers`, each over what the previous one left,
//!    renormalised. Each keeps at least one token;
//! 7. the draw. Its random number is a function of seed, choice and step alone (Philox), so a text
//!    doesn't depend on what else is in the batch.

mod candidates;
mod exponential;
mod filters;
mod logprobs;
mod mask;
mod mass;
mod penalties;
mod philox;
mod sampler;
mod sampling;

pub use logprobs::Logprobs;
pub use sampler::{SampleError, Sampled, Sampler};
pub use sampling::{InvalidParameter, MAX_BIASES, MAX_LOGPROBS, Sampling};
