//! `GET /v1/models`, in OpenAI's shape.

use serde::{Deserialize, Serialize};

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ModelPage {
    /// Always `list`.
    pub object: String,
    pub data: Vec<ModelView>,
}

impl ModelPage {
    #[must_use]
    pub fn new(data: Vec<ModelView>) -> Self {
        Self { object: "list".to_owned(), data }
    }
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ModelView {
    pub id: String,
    /// Always `model`.
    pub object: String,
    /// Seconds since 1970.
    pub created: u64,
    pub owned_by: String,
    /// What it does: `embedding` or `chat`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

impl ModelView {
    #[must_use]
    pub fn new(id: impl Into<String>, created: u64, owned_by: impl Into<String>) -> Self {
        Self { id: id.into(), object: "model".to_owned(), created, owned_by: owned_by.into(), kind: None }
    }

    #[must_use]
    pub fn of_kind(self, kind: &str) -> Self {
        Self { kind: Some(kind.to_owned()), ..self }
    }
}
