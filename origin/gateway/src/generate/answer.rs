//! The answer: the worker's, whole, or its pieces as they come.

use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use cortex_domain::topic::Topic;
use cortex_guard::prefer::Prefer;
use cortex_guard::{Kind, Problem, headers};
use http::header;

use super::ask::Way;
use crate::call::{self, Patience};
use crate::door::Admitted;
use crate::gateway::Gateway;
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
    if let Some(seen) = admitted.header("last-event-id") {
        return stream::resume(inner, &admitted.owner.tenant, seen);
    }
    let terms = way.read(&admitted, &inner.models.chat)?;
    let topic: Topic = way.topic().parse().expect("it is a topic");
    let prefers = admitted.headers.get_all("prefer");
    let prefer = Prefer::parse(prefers.iter().filter_map(|value| value.to_str().ok()));
    let streams = terms.streams();
    let (request, body) = call::request(inner, admitted, topic, terms.model, terms.labels)?;
    let patience = request.limits.run + WAIT;
    if streams {
        return stream::open(inner, request, body, patience, prefer.resume).await;
    }
    let id = request.id;
    let answered = call::run(inner, request, body, Patience::Leave(patience)).await?;
    Response::builder()
        .header(header::CONTENT_TYPE, "application/json")
        .header(headers::JOB_ID, id.to_string())
        .body(answered.into_answer()?.into())
        .map_err(|_| Problem::new(Kind::Internal, "the answer could not be written"))
}
