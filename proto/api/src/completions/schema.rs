//! The JSON form of the members of a completion request that are not fields of
//! [`CompletionRequest`](super::CompletionRequest).
#![allow(dead_code)]

use schemars::{JsonSchema, Schema};

use super::request::MAX_TOP;
use crate::generation::MAX_CHOICES;
use crate::generation::schema::{False, rules};

#[derive(JsonSchema)]
pub(super) struct Members {
    /// How many alternatives to return for each token. If missing, no probabilities are returned.
    #[schemars(range(min = 0, max = MAX_TOP))]
    logprobs: Option<u8>,
    /// Must equal `n`.
    #[schemars(range(min = 1, max = MAX_CHOICES))]
    best_of: Option<u32>,
    /// The prompt is never repeated.
    echo: Option<False>,
    /// Must be empty, because suffixes are not supported.
    #[schemars(length(max = 0))]
    suffix: Option<String>,
}

pub(super) fn add_rules(schema: &mut Schema) {
    schema.insert("allOf".to_owned(), rules().into());
}
