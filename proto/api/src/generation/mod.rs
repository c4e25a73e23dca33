//! What the routes that generate text have in common: how to sample, when to stop, what form the text is to have,
//! and what it took.

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
