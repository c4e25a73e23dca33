//! `POST /v1/completions`.

use serde_json::{Value, json};

use super::super::schema::{Components, about, any_of, list_of, strict, string, whole};
use super::generation::{rules, terms};
use crate::completions::request::{MAX_PROMPTS, MAX_TOP};
use crate::generation::MAX_CHOICES;

pub(super) fn components() -> Components {
    let object = terms(strict())
        .required("prompt", prompt())
        .optional("logprobs", whole(0, MAX_TOP))
        .optional("best_of", about(whole(1, i64::from(MAX_CHOICES)), "Can only be what `n` is."))
        .optional("echo", json!({"type": "boolean", "enum": [false]}))
        .optional("suffix", json!({"type": "string", "maxLength": 0}));
    vec![("CompletionRequest", object.with("allOf", rules().into()))]
}

fn prompt() -> Value {
    let tokens = || json!({"type": "array", "items": whole(0, i64::from(u32::MAX)), "minItems": 1});
    about(
        any_of([string(), list_of(string(), 1, MAX_PROMPTS), tokens(), list_of(tokens(), 1, MAX_PROMPTS)]),
        "Texts, or tokens of the model's own vocabulary.",
    )
}
