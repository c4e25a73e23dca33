//! What stands on the wire of a completion's request beside the fields of [`CompletionRequest`](super::CompletionRequest).
#![allow(dead_code)]

use schemars::{JsonSchema, Schema};

use super::request::MAX_TOP;
use crate::generation::MAX_CHOICES;
use crate::generation::schema::{False, rules};

#[derive(JsonSchema)]
pub(super) struct Members {
    /// How many alternatives to tell for each token; no probabilities at all if left out.
    #[schemars(range(min = 0, max = MAX_TOP))]
    logprobs: Option<u8>,
    /// Can only be what `n` is.
    #[schemars(range(min = 1, max = MAX_CHOICES))]
    best_of: Option<u32>,
    /// The prompt is not repeated.
    echo: Option<False>,
    /// Nothing is put after the text.
    #[schemars(length(max = 0))]
    suffix: Option<String>,
}

pub(super) fn add_rules(schema: &mut Schema) {
    schema.insert("allOf".to_owned(), rules().into());
}
