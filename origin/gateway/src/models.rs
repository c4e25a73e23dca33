//! The models there are, by what they do, and `GET /v1/models`.

use std::fmt;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use cortex_domain::id::ModelName;
use cortex_guard::api::{ModelPage, ModelView};

use crate::door::Admitted;
use crate::gateway::Gateway;

/// The models there are, by what they do.
#[derive(Clone, Debug, Default)]
pub struct Models {
    /// Those that embed.
    pub embedding: Vec<ModelName>,
    /// Those that go on with a text or a conversation.
    pub chat: Listing,
}

/// Models that come and go with their files, so that they are looked for each time. Clones look alike.
#[derive(Clone)]
pub struct Listing(Arc<dyn Fn() -> Vec<ModelName> + Send + Sync>);

impl Listing {
    /// Asks `look` each time; the first that it gives is the usual one.
    pub fn new(look: impl Fn() -> Vec<ModelName> + Send + Sync + 'static) -> Self {
        Self(Arc::new(look))
    }

    pub(crate) fn now(&self) -> Vec<ModelName> {
        (self.0)()
    }
}

impl Default for Listing {
    /// None, ever.
    fn default() -> Self {
        Self::new(Vec::new)
    }
}

impl fmt::Debug for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Listing").field(&self.now()).finish()
    }
}

/// Lists the models there are.
pub(crate) async fn list(State(gateway): State<Gateway>, _: Admitted) -> Json<ModelPage> {
    let Models { embedding, chat } = &gateway.inner.models;
    let of_kind =
        |kind: &'static str| move |name: &ModelName| ModelView::new(name.as_str(), 0, "cortex").of_kind(kind);
    let embedding = embedding.iter().map(of_kind("embedding"));
    Json(ModelPage::new(embedding.chain(chat.now().iter().map(of_kind("chat"))).collect()))
}
