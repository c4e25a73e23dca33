//! `POST /v1/embeddings`, in OpenAI's shape.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use cortex_api::{EmbeddingsRequest, Problem};
use cortex_domain::ErrorCode;
use cortex_domain::topics;

use crate::call::{self, Patience};
use crate::door::Admitted;
use crate::gateway::Gateway;
use crate::refuse::{Refused, openai};

/// The longest that a synchronous call may take, waiting and running together.
const LIMIT: Duration = Duration::from_secs(60);

/// Embeds texts: checks the request, runs it as a `job.embed` and passes the worker's answer on.
pub(crate) async fn create(State(gateway): State<Gateway>, admitted: Admitted) -> Result<Response, Refused> {
    embed(gateway, admitted).await.map_err(openai)
}

async fn embed(gateway: Gateway, admitted: Admitted) -> Result<Response, Problem> {
    let (inner, size) = (&gateway.inner, admitted.body.len());
    let read = move || {
        let asked = EmbeddingsRequest::parse(admitted.json()?)?;
        Ok((admitted, asked))
    };
    let (admitted, asked) = inner.offload.run(size, read).await?;
    if !inner.models.embedding.contains(&asked.model) {
        let known: Vec<_> = inner.models.embedding.iter().map(|model| model.as_str()).collect();
        let detail = format!("there is no embedding model `{}`; there is {}", asked.model, known.join(", "));
        return Err(Problem::new(ErrorCode::UnknownModel, detail).at("model"));
    }
    let held = inner.holders.hold(&admitted)?;
    let (request, body) = call::request(inner, admitted, topics::EMBED, asked.model, BTreeMap::new())?;
    held.during(call::run(inner, request, body, Patience::Leave(LIMIT))).await?.into_response()
}
