//! The parts that all text generation routes share: sampling, stop conditions, output format and
//! usage.

mod format;
pub(crate) mod params;
mod sampling;
#[cfg(feature = "schema")]
pub(crate) mod schema;
mod usage;

pub use format::{Format, MAX_GRAMMAR, MAX_SCHEMA};
pub(super) use format::{any_object, is_name};
pub use params::{GenerationParams, MAX_CHOICES, MAX_STOPS, MAX_TOKENS, Streaming};
pub use sampling::{MAX_BIASES, MAX_TEMPERATURE, Sampling};
pub use usage::{CompletionDetails, FinishReason, PromptDetails, TokenUsage};

pub(super) use params::hint;
