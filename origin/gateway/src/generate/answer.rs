//! The answer: the worker's, whole, or its pieces as they come.

use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use cortex_api::Problem;
use cortex_api::prefer::Prefer;
use cortex_domain::job::Request;

use super::ask::{self, Way};
use crate::call::{self, Patience};
use crate::door::Admitted;
use crate::gateway::{Gateway, Inner};
use crate::refuse::{Refused, openai};
use crate::stream;

/// How long a call may wait for a worker with room, beside the time that it may run.
const WAIT: Duration = Duration::from_secs(60);

pub(crate) async fn chat(State(gateway): State<Gateway>, admitted: Admitted) -> Result<Response, Refused> {
    generate(gateway, admitted, Way::Chat).await.map_err(openai)
}

pub(crate) async fn complete(
    State(gateway): State<Gateway>,
    admitted: Admitted,
) -> Result<Response, Refused> {
    generate(gateway, admitted, Way::Complete).await.map_err(openai)
}

async fn generate(gateway: Gateway, admitted: Admitted, way: Way) -> Result<Response, Problem> {
    let inner = &gateway.inner;
    let held = inner.holders.hold(&admitted)?;
    if let Some(seen) = admitted.last_event() {
        return stream::resume(inner, &admitted.owner.tenant, seen, held);
    }
    let prefers = admitted.headers.get_all("prefer");
    let prefer = Prefer::parse(prefers.iter().filter_map(|value| value.to_str().ok()));
    let Asked { request, body, patience, streams } = Asked::read(inner, admitted, way).await?;
    if streams {
        return stream::open(inner, request, body, patience, prefer.resume, held).await;
    }
    held.during(call::run(inner, request, body, Patience::Leave(patience))).await?.into_response()
}

/// A call for a text.
pub(super) struct Asked {
    pub(super) request: Request,
    pub(super) body: Bytes,
    pub(super) patience: Duration,
    streams: bool,
}

impl Asked {
    /// Reads a request of either way.
    ///
    /// # Errors
    /// If it is not valid, names no chat model there is, or no pool does such work.
    pub(super) async fn read(inner: &Inner, admitted: Admitted, way: Way) -> Result<Self, Problem> {
        let size = admitted.body.len();
        let read = move || way.read(&admitted).map(|terms| (admitted, terms));
        let (admitted, terms) = inner.offload.run(size, read).await?;
        ask::check_model(&terms.model, &inner.models.chat)?;
        let streams = terms.streams();
        let (mut request, body) = call::request(inner, admitted, way.topic(), terms.model, terms.labels)?;
        request.estimate.output_tokens = terms.max_tokens;
        let patience = request.limits.run + WAIT;
        Ok(Self { request, body, patience, streams })
    }
}
