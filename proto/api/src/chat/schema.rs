//! The JSON form of a chat request, for members that the parser converts to something else.
#![allow(dead_code)]

use cortex_domain::inline_schema;
use schemars::{JsonSchema, Schema, json_schema};
use serde_json::{Map, Value, json};

use super::MAX_TOOLS;
use super::call::MAX_CALL_ID;
use super::message::{MAX_NAME, MAX_PARTS};
use super::request::MAX_TOP;
use crate::generation::schema::{Name, rules};

/// Members that the parser combines, or checks and discards.
#[derive(JsonSchema)]
pub(super) struct Members {
    /// Whether to return the probabilities of the tokens.
    logprobs: Option<bool>,
    /// How many alternatives to return for each token.
    #[schemars(range(min = 0, max = MAX_TOP))]
    top_logprobs: Option<u8>,
    #[schemars(length(min = 1, max = 1))]
    modalities: Option<Vec<TextAlone>>,
}

struct TextAlone;

inline_schema!(TextAlone, json_schema!({"const": "text"}));

/// One message.
#[derive(JsonSchema)]
#[schemars(tag = "role", rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum Message {
    /// The instructions for the model.
    System {
        content: Content,
        #[schemars(length(min = 1, max = MAX_NAME))]
        name: Option<String>,
    },
    /// The newer name of `system`.
    Developer {
        content: Content,
        #[schemars(length(min = 1, max = MAX_NAME))]
        name: Option<String>,
    },
    User {
        content: Content,
        #[schemars(length(min = 1, max = MAX_NAME))]
        name: Option<String>,
    },
    /// An assistant message, as a client sends it back.
    #[schemars(transform = says_something)]
    Assistant {
        content: Option<AnswerContent>,
        refusal: Option<String>,
        /// The reasoning before the content.
        reasoning_content: Option<String>,
        #[schemars(length(max = MAX_TOOLS))]
        tool_calls: Option<Vec<ToolCall>>,
        #[schemars(length(min = 1, max = MAX_NAME))]
        name: Option<String>,
        /// Ignored. A client's parsed form of the content.
        parsed: Option<Value>,
        /// Ignored.
        annotations: Option<Vec<Value>>,
    },
    /// The result of a tool call.
    Tool {
        content: Content,
        /// The id of an earlier tool call.
        #[schemars(length(min = 1, max = MAX_CALL_ID))]
        tool_call_id: String,
        #[schemars(length(min = 1, max = MAX_NAME))]
        name: Option<String>,
    },
}

fn says_something(assistant: &mut Schema) {
    let ways = json!([
        {"required": ["content"]},
        {"required": ["refusal"], "properties": {"refusal": {"type": "string"}}},
        {"required": ["reasoning_content"], "properties": {"reasoning_content": {"type": "string"}}},
        {"required": ["tool_calls"], "properties": {"tool_calls": {"type": "array", "minItems": 1}}},
    ]);
    assistant.insert("anyOf".to_owned(), ways);
}

/// A text, or text parts, which are joined as lines.
#[derive(JsonSchema)]
#[schemars(untagged, inline)]
pub(super) enum Content {
    Text(String),
    Parts(#[schemars(length(min = 1, max = MAX_PARTS))] Vec<TextPart>),
}

/// A text, or parts, which are joined as lines.
#[derive(JsonSchema)]
#[schemars(untagged, inline)]
pub(super) enum AnswerContent {
    Text(String),
    Parts(#[schemars(length(min = 1, max = MAX_PARTS))] Vec<AnswerPart>),
}

/// A part of a message's text.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct TextPart {
    #[schemars(extend("const" = "text"))]
    r#type: String,
    text: String,
}

/// A part of an assistant message.
#[derive(JsonSchema)]
#[schemars(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum AnswerPart {
    Text { text: String },
    Refusal { refusal: String },
}

/// A tool call by the assistant.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct ToolCall {
    #[schemars(length(min = 1, max = MAX_CALL_ID))]
    id: String,
    r#type: Option<FunctionAlone>,
    /// Ignored. The number of the call in a stream.
    index: Option<Value>,
    function: CalledFunction,
}

struct FunctionAlone;

inline_schema!(FunctionAlone, json_schema!({"type": "string", "enum": ["function"]}));

/// The called function and its arguments.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct CalledFunction {
    name: String,
    /// JSON, as a string.
    arguments: String,
    /// Ignored. A client's parsed form of the arguments.
    parsed_arguments: Option<Value>,
}

/// A function that the model may call.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Tool {
    r#type: FunctionAlone,
    function: ToolFunction,
}

/// The name, description and parameters of a tool.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct ToolFunction {
    name: Name,
    description: Option<String>,
    /// The JSON schema of its arguments.
    parameters: Option<Map<String, Value>>,
    /// Whether the arguments must match the schema.
    strict: Option<bool>,
}

/// Whether the model calls a tool, and which.
#[derive(JsonSchema)]
#[schemars(untagged, inline)]
pub(super) enum ToolChoice {
    Mode(ToolMode),
    Named(NamedTool),
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase", inline)]
pub(super) enum ToolMode {
    Auto,
    None,
    Required,
}

/// One of `tools`, by name.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct NamedTool {
    r#type: FunctionAlone,
    function: NamedFunction,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, inline)]
struct NamedFunction {
    /// The name of one of `tools`.
    name: String,
}

/// Adds rules that involve several members of a request.
pub(super) fn add_rules(schema: &mut Schema) {
    let mut rules = rules();
    rules.extend([
        json!({
            "if": {"required": ["top_logprobs"], "properties": {"top_logprobs": {"type": "integer", "minimum": 1}}},
            "then": {"required": ["logprobs"], "properties": {"logprobs": {"const": true}}},
        }),
        json!({
            "if": {
                "required": ["tool_choice"],
                "properties": {"tool_choice": {"not": {"enum": ["none", null]}}},
            },
            "then": {"required": ["tools"], "properties": {"tools": {"type": "array", "minItems": 1}}},
        }),
        json!({
            "if": {
                "required": ["response_format", "tools"],
                "properties": {
                    "response_format": {"type": "object", "properties": {"type": {"not": {"const": "text"}}}},
                    "tools": {"type": "array", "minItems": 1},
                },
            },
            "then": {"required": ["tool_choice"], "properties": {"tool_choice": {"const": "none"}}},
        }),
        json!({
            "if": {"required": ["continue_final_message"], "properties": {"continue_final_message": {"const": true}}},
            "then": {"properties": {"add_generation_prompt": {"not": {"const": true}}}},
        }),
    ]);
    schema.insert("allOf".to_owned(), rules.into());
}
