//! Models and embeddings.

use serde_json::{Value, json};

use super::super::schema::{Components, about, any_of, count, list, object, one_of, reference, string, with};

pub(super) fn components() -> Components {
    let page = object().required("object", one_of(&["list"])).required("data", list(reference("ModelView")));
    vec![("ModelPage", page.build()), ("ModelView", model()), ("EmbeddingsResponse", embeddings())]
}

fn model() -> Value {
    object()
        .required("id", string())
        .required("object", one_of(&["model"]))
        .required("created", count())
        .required("owned_by", string())
        .maybe("kind", about(string(), "What it does: `embedding` or `chat`."))
        .build()
}

fn embeddings() -> Value {
    let vector = any_of([
        list(json!({"type": "number"})),
        about(with(string(), "format", "byte".into()), "Little-endian 32-bit floats in base64."),
    ]);
    let embedding = object()
        .required("object", one_of(&["embedding"]))
        .required("index", count())
        .required("embedding", vector);
    let notes =
        object().required("truncated", about(list(count()), "The texts that were cut, by their place."));
    object()
        .required("object", one_of(&["list"]))
        .required("data", list(embedding.build()))
        .required("model", string())
        .required(
            "usage",
            object().required("prompt_tokens", count()).required("total_tokens", count()).build(),
        )
        .maybe("cortex", notes.build())
        .build()
}
