//! `POST /v1/embeddings`.

use serde_json::json;

use super::super::schema::{Components, about, any_of, boolean, list_of, one_of, strict, string, whole};
use super::model;
use crate::embeddings::{MAX_DIMENSIONS, MAX_INPUTS};

pub(super) fn components() -> Components {
    let text = json!({"type": "string", "minLength": 1});
    let object = strict()
        .required("model", model())
        .required("input", any_of([text.clone(), list_of(text, 1, MAX_INPUTS)]))
        .optional("encoding_format", one_of(&["float", "base64"]))
        .optional("dimensions", whole(1, MAX_DIMENSIONS))
        .optional("truncate", about(boolean(), "Whether a text that is longer than the model takes is cut."))
        .optional("user", string());
    vec![("EmbeddingsRequest", object.build())]
}
