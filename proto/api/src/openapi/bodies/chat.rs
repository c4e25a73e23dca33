//! `POST /v1/chat/completions` and `POST /chat`.

use serde_json::{Value, json};

use super::super::schema::{
    Components, about, any_object, any_of, boolean, list_of, name, number, one_of, only, strict, string,
    whole,
};
use super::generation::{rules, terms};
use super::messages::messages;
use super::model;
use crate::chat::MAX_TOOLS;
use crate::chat::request::MAX_TOP;
use crate::generation::{MAX_TEMPERATURE, MAX_TOKENS};

pub(super) fn components() -> Components {
    vec![("ChatRequest", chat()), ("SimpleChatRequest", simple())]
}

fn chat() -> Value {
    let tools =
        about(list_of(tool(), 0, MAX_TOOLS), "Functions that the model may call, of different names.");
    let object = terms(strict())
        .required("messages", messages())
        .optional("tools", tools)
        .optional("tool_choice", choice())
        .optional("parallel_tool_calls", boolean())
        .optional("logprobs", boolean())
        .optional("top_logprobs", whole(0, MAX_TOP))
        .optional("chat_template_kwargs", about(any_object(), "Variables for the model's template."))
        .optional(
            "continue_final_message",
            about(boolean(), "Goes on with the last message, the assistant's."),
        )
        .optional("add_generation_prompt", boolean())
        .optional("modalities", list_of(only("text"), 1, 1));
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
    object.with("allOf", rules.into())
}

fn tool() -> Value {
    let function = strict()
        .required("name", name("A-Za-z0-9_-", 64))
        .optional("description", string())
        .optional("parameters", about(any_object(), "The JSON schema of its arguments."))
        .optional("strict", boolean());
    strict().required("type", only("function")).required("function", function.build()).build()
}

fn choice() -> Value {
    let function = strict().required("name", about(string(), "The name of one of `tools`."));
    let named = strict().required("type", only("function")).required("function", function.build());
    any_of([one_of(&["auto", "none", "required"]), named.build()])
}

fn simple() -> Value {
    strict()
        .required("model", model())
        .required("message", string())
        .optional("system", about(string(), "What the model is told to be."))
        .optional("max_tokens", whole(1, MAX_TOKENS))
        .optional("temperature", number(0.0, MAX_TEMPERATURE))
        .optional("seed", whole(i64::MIN, i64::MAX))
        .build()
}
