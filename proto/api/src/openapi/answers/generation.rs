//! Texts from models, in one piece or as they grow.

use serde_json::{Value, json};

use super::super::schema::{
    Components, Object, about, any_object, count, list, map, object, one_of, reference, string, with,
};

pub(super) fn components() -> Components {
    vec![
        ("ChatCompletion", chat()),
        ("ChatChunk", chunk()),
        ("Completion", completion()),
        ("ShortAnswer", short()),
        ("TokenUsage", usage()),
        ("LogProbs", log_probs()),
    ]
}

fn head(kind: &str) -> Object {
    object()
        .required("id", string())
        .required("object", one_of(&[kind]))
        .required("created", about(count(), "Seconds since 1970."))
        .required("model", string())
        .maybe("cortex", receipt())
}

fn receipt() -> Value {
    about(any_object(), "The receipt: what the answer was made with.")
}

fn chat() -> Value {
    let choice = object()
        .required("index", count())
        .required("message", message())
        .nullable("logprobs", reference("LogProbs"))
        .required("finish_reason", finish_reason());
    head("chat.completion")
        .required("choices", list(choice.build()))
        .required("usage", reference("TokenUsage"))
        .build()
}

fn message() -> Value {
    let function =
        object().required("name", string()).required("arguments", about(string(), "JSON, as a text."));
    let call = object()
        .required("id", string())
        .required("type", one_of(&["function"]))
        .required("function", function.build());
    object()
        .required("role", one_of(&["assistant"]))
        .nullable("content", string())
        .nullable("refusal", string())
        .maybe("reasoning_content", about(string(), "What was thought before the content."))
        .maybe("tool_calls", list(call.build()))
        .build()
}

fn chunk() -> Value {
    let function = object().maybe("name", string()).maybe("arguments", string());
    let call = object()
        .required("index", count())
        .maybe("id", string())
        .maybe("type", string())
        .required("function", function.build());
    let delta = object()
        .maybe("role", string())
        .maybe("content", string())
        .maybe("reasoning_content", string())
        .maybe("tool_calls", list(call.build()));
    let choice = object()
        .required("index", count())
        .required("delta", delta.build())
        .nullable("logprobs", reference("LogProbs"))
        .nullable("finish_reason", finish_reason());
    let chunk = head("chat.completion.chunk")
        .required("choices", list(choice.build()))
        .maybe("usage", reference("TokenUsage"));
    about(chunk.build(), "The data of one event of a stream.")
}

fn completion() -> Value {
    let probabilities = object()
        .required("tokens", list(string()))
        .required("token_logprobs", list(json!({"type": "number"})))
        .required("top_logprobs", list(map(json!({"type": "number"}))))
        .required("text_offset", list(count()));
    let choice = object()
        .required("index", count())
        .required("text", string())
        .nullable("logprobs", probabilities.build())
        .nullable("finish_reason", finish_reason());
    head("text_completion")
        .required("choices", list(choice.build()))
        .maybe("usage", reference("TokenUsage"))
        .build()
}

fn short() -> Value {
    object()
        .required("model", string())
        .required("text", string())
        .required("finish_reason", finish_reason())
        .required("usage", reference("TokenUsage"))
        .maybe("cortex", receipt())
        .build()
}

fn finish_reason() -> Value {
    one_of(&["stop", "length", "tool_calls"])
}

fn usage() -> Value {
    object()
        .required("prompt_tokens", count())
        .required("completion_tokens", count())
        .required("total_tokens", count())
        .required("prompt_tokens_details", object().required("cached_tokens", count()).build())
        .required("completion_tokens_details", object().required("reasoning_tokens", count()).build())
        .build()
}

fn log_probs() -> Value {
    let token = || {
        object()
            .required("token", string())
            .required("logprob", json!({"type": "number"}))
            .required("bytes", list(with(count(), "maximum", 255.into())))
    };
    let chosen = token().required("top_logprobs", list(token().build())).build();
    object().required("content", list(chosen)).build()
}
