//! Names from OpenTelemetry's semantic conventions for generative AI, as of core version 1.42.0.
//!
//! The conventions have no stable attribute yet, so every name is defined only here.
//! <https://github.com/open-telemetry/semantic-conventions-genai>

/// The operation: [`CHAT`], [`TEXT_COMPLETION`] or [`EMBEDDINGS`].
pub const OPERATION_NAME: &str = "gen_ai.operation.name";
pub const CHAT: &str = "chat";
pub const TEXT_COMPLETION: &str = "text_completion";
pub const EMBEDDINGS: &str = "embeddings";
/// The model that a request names.
pub const REQUEST_MODEL: &str = "gen_ai.request.model";
/// The model that responded.
pub const RESPONSE_MODEL: &str = "gen_ai.response.model";
/// `input`, `output` or `cached`.
pub const TOKEN_TYPE: &str = "gen_ai.token.type";
pub const USAGE_INPUT_TOKENS: &str = "gen_ai.usage.input_tokens";
pub const USAGE_OUTPUT_TOKENS: &str = "gen_ai.usage.output_tokens";

/// Histogram: seconds from a request to its first token.
pub const TIME_TO_FIRST_TOKEN: &str = "gen_ai.server.time_to_first_token";
/// Histogram: seconds between one token and the next.
pub const TIME_PER_OUTPUT_TOKEN: &str = "gen_ai.server.time_per_output_token";
/// Histogram: seconds from a request to its end.
pub const REQUEST_DURATION: &str = "gen_ai.server.request.duration";
/// Counter: tokens by [`TOKEN_TYPE`].
pub const TOKEN_USAGE: &str = "gen_ai.server.token.usage";
