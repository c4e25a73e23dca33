//! `POST /v1/embeddings`, in OpenAI's format.

use std::collections::BTreeMap;

use axum::response::Response;
use bytes::Bytes;
use cortex_api::timeouts::EMBEDDING_TIMEOUT;
use cortex_api::{EmbeddingsRequest, ModelRequest, Problem};
use cortex_domain::ErrorCode;
use cortex_domain::topics;

use crate::auth::Admitted;
use crate::blocking::BlockingPool;
use crate::calls::{Calls, OnTimeout};
use crate::models::Models;
use crate::revocations::Revocations;

/// Embeds texts. It checks the request, runs it as a `job.embed` and returns the worker's response.
pub(crate) async fn create(
    (models, blocking, calls, revocations): (Models, BlockingPool, Calls, Revocations),
    admitted: Admitted,
) -> Result<Response, Problem> {
    let size = admitted.body.len();
    let read = move || {
        let request = EmbeddingsRequest::parse(admitted.json()?)?;
        let input = Bytes::from(request.to_input()?);
        Ok((admitted, request.model, input))
    };
    let (admitted, model, input) = blocking.run(size, read).await?;
    if !models.embedding.contains(&model) {
        let known: Vec<_> = models.embedding.iter().map(|model| model.as_str()).collect();
        let detail = format!("unknown embedding model `{model}` (expected {})", known.join(", "));
        return Err(Problem::new(ErrorCode::UnknownModel, detail).at("model"));
    }
    let key_use = revocations.track(&admitted)?;
    let request = calls.request(&admitted, topics::EMBED, model, BTreeMap::new())?;
    key_use
        .run_until_revoked(calls.run(request, input, OnTimeout::Abandon(EMBEDDING_TIMEOUT)))
        .await?
        .into_response()
}
