//! The two formats of an error, as [`Problem::render`](super::Problem::render) writes them.
#![allow(dead_code)]

use cortex_domain::{ErrorCode, inline_schema};
use schemars::{JsonSchema, json_schema};
use serde::Serialize;

use super::urn;

/// An error (RFC 9457).
#[derive(Serialize, JsonSchema)]
pub(crate) struct Problem {
    /// The kind of error, by a name that never changes.
    r#type: Urn,
    title: String,
    #[schemars(range(min = 400, max = 599))]
    status: u16,
    /// What failed and what to do, for people.
    detail: String,
    /// The invalid parameter or header.
    #[serde(skip_serializing_if = "Option::is_none")]
    param: Option<String>,
    /// Seconds. Also the header `Retry-After`.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    /// The limit that was reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u64>,
    /// The methods that the path supports.
    #[serde(skip_serializing_if = "Option::is_none")]
    allow: Option<Vec<String>>,
    /// The valid topics.
    #[serde(skip_serializing_if = "Option::is_none")]
    known_topics: Option<Vec<String>>,
    /// The rule of the policy that denied the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
}

/// An error in OpenAI's format.
#[derive(Serialize, JsonSchema)]
pub(crate) struct OpenAiError {
    error: OpenAiErrorBody,
}

#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct OpenAiErrorBody {
    message: String,
    r#type: OpenAiType,
    param: Option<String>,
    /// The kind of error, by a name that never changes.
    code: Slug,
}

#[derive(Serialize)]
struct Urn;

inline_schema!(Urn, {
    let all: Vec<_> = ErrorCode::ALL.iter().map(|code| urn(*code)).collect();
    json_schema!({"type": "string", "enum": all})
});

#[derive(Serialize)]
struct Slug;

inline_schema!(Slug, {
    let all: Vec<_> = ErrorCode::ALL.iter().map(|code| code.slug()).collect();
    json_schema!({"type": "string", "enum": all})
});

#[derive(Serialize)]
struct OpenAiType;

inline_schema!(OpenAiType, {
    let all: std::collections::BTreeSet<_> =
        ErrorCode::ALL.iter().map(|code| super::openai_type(*code)).collect();
    json_schema!({"type": "string", "enum": all})
});
