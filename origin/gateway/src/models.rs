//! The models there are, by what they do, and `GET /v1/models`.

use axum::Json;
use axum::extract::State;
use cortex_domain::id::ModelName;
use cortex_guard::api::{ModelPage, ModelView};

use crate::door::Admitted;
use crate::gateway::Gateway;

/// The models of the catalogue, by what they do.
#[derive(Clone, Debug, Default)]
pub struct Models {
    /// Those that embed.
    pub embedding: Vec<ModelName>,
    /// Those that go on with a text or a conversation.
    pub chat: Vec<ModelName>,
}

/// Lists the models of the catalogue.
pub(crate) async fn list(State(gateway): State<Gateway>, _: Admitted) -> Json<ModelPage> {
    let Models { embedding, chat } = &gateway.inner.models;
    let of_kind =
        |kind: &'static str| move |name: &ModelName| ModelView::new(name.as_str(), 0, "cortex").of_kind(kind);
    let embedding = embedding.iter().map(of_kind("embedding"));
    Json(ModelPage::new(embedding.chain(chat.iter().map(of_kind("chat"))).collect()))
}
