//! What every request for a text may say.

use serde_json::{Value, json};

use super::super::schema::{
    Object, about, any_of, boolean, bytes, list_of, map, name, number, one_of, only, strict, string, whole,
    with,
};
use super::jobs::{label_value, labels};
use super::model;
use crate::generation::terms::MAX_STOP;
use crate::generation::{MAX_BIASES, MAX_CHOICES, MAX_GRAMMAR, MAX_STOPS, MAX_TEMPERATURE, MAX_TOKENS};

/// Adds the parameters that chats and completions have in common.
pub(super) fn terms(object: Object) -> Object {
    let share = |text| about(json!({"type": "number", "exclusiveMinimum": 0, "maximum": 1}), text);
    object
        .required("model", about(model(), "The name of a model; `GET /v1/models` lists them."))
        .optional("temperature", about(number(0.0, MAX_TEMPERATURE), "0 always takes the likeliest token."))
        .optional("top_p", share("The share of the probability that is chosen from."))
        .optional(
            "top_k",
            about(
                whole(-1, 1_000_000),
                "Chooses from so many of the likeliest tokens; -1 and 0 set no limit.",
            ),
        )
        .optional("min_p", number(0.0, 1.0))
        .optional("typical_p", share("The share of the probability of typical tokens."))
        .optional("repetition_penalty", number(0.01, 10.0))
        .optional("presence_penalty", number(-2.0, 2.0))
        .optional("frequency_penalty", number(-2.0, 2.0))
        .optional("logit_bias", biases())
        .optional("seed", whole(i64::MIN, i64::MAX))
        .optional("response_format", format())
        .optional("stop", stops())
        .optional("max_tokens", about(whole(1, MAX_TOKENS), "The older name of `max_completion_tokens`."))
        .optional("max_completion_tokens", whole(1, MAX_TOKENS))
        .optional("n", about(whole(1, i64::from(MAX_CHOICES)), "How many answers."))
        .optional("stream", about(boolean(), "Whether the answer comes as server-sent events, as it grows."))
        .optional("stream_options", stream_options())
        .optional("metadata", about(labels(), "Labels of the job that the call makes."))
        .optional("user", about(label_value(), "A label of the job by that name."))
        .optional("service_tier", one_of(&["auto", "default"]))
        .optional("store", about(json!({"type": "boolean", "enum": [false]}), "Nothing is stored."))
}

/// What holds between those parameters.
pub(super) fn rules() -> Vec<Value> {
    vec![json!({
        "if": {"required": ["stream_options"], "properties": {"stream_options": {"type": "object"}}},
        "then": {"required": ["stream"], "properties": {"stream": {"const": true}}},
    })]
}

fn biases() -> Value {
    let ids = json!({"pattern": "^[0-9]{1,9}$"});
    let biases =
        with(with(map(number(-100.0, 100.0)), "propertyNames", ids), "maxProperties", MAX_BIASES.into());
    about(biases, "Tokens by their ids, and what is added to their logits.")
}

fn stops() -> Value {
    let stop = bytes(1, MAX_STOP);
    any_of([stop.clone(), list_of(stop, 0, MAX_STOPS)])
}

fn stream_options() -> Value {
    strict()
        .optional("include_usage", about(boolean(), "One more event says what the answer took."))
        .optional("include_obfuscation", json!({"type": "boolean", "enum": [false]}))
        .build()
}

fn format() -> Value {
    let kind = |kind: &str| strict().required("type", only(kind));
    let schema = strict()
        .optional("name", name("A-Za-z0-9_-", 64))
        .optional("description", string())
        .optional("strict", boolean())
        .required("schema", json!({"type": ["object", "boolean"]}));
    let formats = any_of([
        kind("text").build(),
        kind("json_object").build(),
        kind("json_schema").required("json_schema", schema.build()).build(),
        kind("regex").required("regex", bytes(1, MAX_GRAMMAR)).build(),
        kind("lark").required("lark", bytes(1, MAX_GRAMMAR)).build(),
    ]);
    about(formats, "The form that the answer has.")
}
