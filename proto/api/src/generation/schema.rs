//! The JSON form of the members of a text request that no field of
//! [`GenerationParams`](super::GenerationParams) holds directly.
#![allow(dead_code)]

use cortex_domain::inline_schema;
use schemars::{JsonSchema, json_schema};
use serde_json::{Value, json};

use super::MAX_GRAMMAR;
use super::params::MAX_TOKENS;
use crate::create;

/// Members that the parser combines, checks and discards, or knows by an older name.
#[derive(JsonSchema)]
pub(super) struct Members {
    /// The older name of `max_completion_tokens`.
    #[schemars(range(min = 1, max = MAX_TOKENS))]
    max_tokens: Option<u32>,
    /// Whether the response is a stream of server-sent events.
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    /// Sets a label of this name on the job.
    user: Option<create::schema::LabelValue>,
    service_tier: Option<ServiceTier>,
    /// Must be false, because responses are not stored.
    store: Option<False>,
}

/// Options of a streamed response.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct StreamOptions {
    /// Whether one more event reports the usage.
    include_usage: Option<bool>,
    include_obfuscation: Option<False>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase", inline)]
enum ServiceTier {
    Auto,
    Default,
}

/// A member that must be false.
pub(crate) struct False;

inline_schema!(False, json_schema!({"type": "boolean", "enum": [false]}));

/// A name of a tool or a schema.
pub(crate) struct Name;

inline_schema!(Name, json_schema!({"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"}));

/// The format of an answer.
#[derive(JsonSchema)]
#[schemars(rename = "ResponseFormat", tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Format {
    /// Any text.
    Text,
    /// One JSON object.
    JsonObject,
    /// JSON that matches a schema.
    JsonSchema { json_schema: NamedSchema },
    /// A text that the whole expression matches.
    Regex {
        #[schemars(length(min = 1, max = MAX_GRAMMAR))]
        regex: String,
    },
    /// A text of a grammar in Lark's syntax.
    Lark {
        #[schemars(length(min = 1, max = MAX_GRAMMAR))]
        lark: String,
    },
}

/// A JSON schema for the answer.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct NamedSchema {
    name: Option<Name>,
    description: Option<String>,
    /// Ignored, because the schema is always enforced.
    strict: Option<bool>,
    schema: AnySchema,
}

struct AnySchema;

inline_schema!(AnySchema, json_schema!({"type": ["object", "boolean"]}));

/// Returns rules that involve several of these members.
pub(crate) fn rules() -> Vec<Value> {
    vec![json!({
        "if": {"required": ["stream_options"], "properties": {"stream_options": {"type": "object"}}},
        "then": {"required": ["stream"], "properties": {"stream": {"const": true}}},
    })]
}
