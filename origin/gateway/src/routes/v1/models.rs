//! `GET /v1/models` and `GET /v1/models/{id}`.

use axum::Json;
use cortex_api::{ModelPage, ModelView, Problem};

use crate::auth::Admitted;
use crate::models::Models;

/// Lists the available models.
pub(crate) async fn list(models: Models, _: Admitted) -> Result<Json<ModelPage>, Problem> {
    Ok(Json(models.page()))
}

/// Returns one model. Its id may contain slashes, plain or encoded.
pub(crate) async fn get(models: Models, id: String, _: Admitted) -> Result<Json<ModelView>, Problem> {
    models.page().find(&id).map(Json)
}
