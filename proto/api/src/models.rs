//! `GET /v1/models` and `GET /v1/models/{id}`, in OpenAI's format.

use serde::{Deserialize, Serialize};

use crate::problem::Problem;
use cortex_domain::ErrorCode;

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ModelPage {
    /// Always `list`.
    #[cfg_attr(feature = "schema", schemars(extend("const" = "list")))]
    pub object: String,
    pub data: Vec<ModelView>,
}

impl ModelPage {
    #[must_use]
    pub fn new(data: Vec<ModelView>) -> Self {
        Self { object: "list".to_owned(), data }
    }

    /// Returns the model with an id, decoded from the path.
    ///
    /// # Errors
    /// Returns an error that lists the known models if the id is unknown.
    pub fn find(self, id: &str) -> Result<ModelView, Problem> {
        let known: Vec<_> = self.data.iter().map(|model| model.id.as_str()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        self.data.into_iter().find(|model| model.id == id).ok_or_else(|| {
            Problem::new(ErrorCode::UnknownModel, format!("unknown model (expected {known})")).at("model")
        })
    }
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ModelView {
    pub id: String,
    /// Always `model`.
    #[cfg_attr(feature = "schema", schemars(extend("const" = "model")))]
    pub object: String,
    /// Seconds since 1970.
    pub created: u64,
    pub owned_by: String,
    /// The kind of model: `embedding` or `chat`.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_found_by_its_whole_id_alone() {
        let page = || ModelPage::new(vec![ModelView::new("org/a", 0, "x"), ModelView::new("b", 0, "x")]);
        assert_eq!(page().find("org/a").unwrap().id, "org/a");
        for id in ["a", "org", "org%2Fa", "B", ""] {
            let problem = page().find(id).unwrap_err();
            assert_eq!((problem.kind, problem.param()), (ErrorCode::UnknownModel, Some("model")), "{id}");
            assert!(problem.detail.ends_with("(expected org/a, b)"), "{}", problem.detail);
        }
    }
}
