//! Names and bucket bounds of the metrics. They follow OpenTelemetry's semantic conventions for
//! generative AI if those have a name.

pub use cortex_platform::telemetry::genai::{
    REQUEST_DURATION as REQUEST, RESPONSE_MODEL as MODEL, TIME_PER_OUTPUT_TOKEN as BETWEEN_TOKENS,
    TIME_TO_FIRST_TOKEN as FIRST_TOKEN, TOKEN_TYPE, TOKEN_USAGE as TOKENS,
};

/// Ended answers, by [`OUTCOME`].
pub const ANSWERS: &str = "cortex.inference.answers";
/// Requests that were rejected because the queue was full.
pub const REFUSED: &str = "cortex.inference.refused";
/// Sequences in a step.
pub const SEQUENCES: &str = "cortex.inference.batch.sequences";
/// Tokens in a step.
pub const STEP_TOKENS: &str = "cortex.inference.batch.tokens";
/// The part of the cache that sequences hold, at each step.
pub const CACHE_USE: &str = "cortex.inference.cache.use";
/// Blocks of the cache, by [`STATE`].
pub const CACHE_BLOCKS: &str = "cortex.inference.cache.blocks";
/// Current sequences, by [`STATE`].
pub const QUEUE: &str = "cortex.inference.sequences";
/// How often a sequence was preempted.
pub const PREEMPTED: &str = "cortex.inference.preempted";

pub const OUTCOME: &str = "outcome";
pub const STATE: &str = "state";

pub(super) const FIRST_TOKEN_BOUNDS: &[f64] =
    &[0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
pub(super) const BETWEEN_TOKENS_BOUNDS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5];
pub(super) const REQUEST_BOUNDS: &[f64] =
    &[0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
pub(super) const SEQUENCES_BOUNDS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];
pub(super) const STEP_TOKENS_BOUNDS: &[f64] =
    &[1.0, 4.0, 16.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0, 8192.0];
pub(super) const CACHE_USE_BOUNDS: &[f64] = &[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0];
