//! The messages of a conversation.

use serde_json::{Value, json};

use super::super::schema::{
    Object, about, any_of, anything, bytes, list, list_of, one_of, only, strict, string, with,
};
use crate::chat::MAX_TOOLS;
use crate::chat::call::MAX_CALL_ID;
use crate::chat::message::{MAX_MESSAGES, MAX_NAME, MAX_PARTS};

pub(super) fn messages() -> Value {
    list_of(any_of([system(), user(), assistant(), tool()]), 1, MAX_MESSAGES)
}

fn of(role: Value) -> Object {
    strict().required("role", role).optional("name", bytes(1, MAX_NAME))
}

fn system() -> Value {
    of(one_of(&["system", "developer"])).required("content", content(&[text()])).build()
}

fn user() -> Value {
    of(only("user")).required("content", content(&[text()])).build()
}

fn tool() -> Value {
    of(only("tool"))
        .required("content", content(&[text()]))
        .required("tool_call_id", about(bytes(1, MAX_CALL_ID), "The id of a call before it."))
        .build()
}

/// What the assistant said, as a client sends an answer back.
fn assistant() -> Value {
    let refusal = strict().required("type", only("refusal")).required("refusal", string()).build();
    let says_something = json!([
        {"required": ["content"]},
        {"required": ["refusal"], "properties": {"refusal": {"type": "string"}}},
        {"required": ["reasoning_content"], "properties": {"reasoning_content": {"type": "string"}}},
        {"required": ["tool_calls"], "properties": {"tool_calls": {"type": "array", "minItems": 1}}},
    ]);
    of(only("assistant"))
        .optional("content", content(&[text(), refusal]))
        .optional("refusal", string())
        .optional("reasoning_content", string())
        .optional("tool_calls", list_of(call(), 0, MAX_TOOLS))
        .optional("parsed", about(anything(), "Ignored: a client's reading of the content."))
        .optional("annotations", list(anything()))
        .with("anyOf", says_something)
}

fn call() -> Value {
    let function = strict()
        .required("name", string())
        .required("arguments", about(string(), "JSON, as a text."))
        .maybe("parsed_arguments", about(anything(), "Ignored: a client's reading of the arguments."));
    strict()
        .required("id", bytes(1, MAX_CALL_ID))
        .optional("type", one_of(&["function"]))
        .maybe("index", about(anything(), "Ignored: the number of the call in a stream."))
        .required("function", function.build())
        .build()
}

fn content(parts: &[Value]) -> Value {
    any_of([string(), list_of(any_of(parts), 1, MAX_PARTS)])
}

fn text() -> Value {
    with(strict().required("type", only("text")).required("text", string()).build(), "title", "Text".into())
}
