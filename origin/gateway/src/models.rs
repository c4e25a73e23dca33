//! `GET /v1/models`.

use axum::Json;
use axum::extract::State;
use cortex_guard::api::{ModelPage, ModelView};

use crate::door::Admitted;
use crate::gateway::Gateway;

/// Lists the models of the catalogue.
pub(crate) async fn list(State(gateway): State<Gateway>, _: Admitted) -> Json<ModelPage> {
    let view = |name: &cortex_domain::id::ModelName| ModelView::new(name.as_str(), 0, "cortex");
    Json(ModelPage::new(gateway.inner.models.iter().map(view).collect()))
}
