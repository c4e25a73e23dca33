//! One message: a conversation to its worker, and the text of it to its caller.

use axum::extract::State;
use axum::response::Response;
use cortex_api::Problem;
use cortex_api::chat::ShortChat;
use cortex_domain::ErrorCode;

use super::answer::Asked;
use super::ask::Way;
use crate::call::{self, Patience};
use crate::door::Admitted;
use crate::gateway::Gateway;
use crate::refuse::Refused;

pub(crate) async fn short(State(gateway): State<Gateway>, admitted: Admitted) -> Result<Response, Refused> {
    let inner = &gateway.inner;
    let size = admitted.body.len();
    let read = move || {
        let body = ShortChat::parse(admitted.json()?)?.body().into();
        Ok(Admitted { body, ..admitted })
    };
    let admitted = inner.offload.run(size, read).await?;
    let held = inner.holders.hold(&admitted)?;
    let Asked { request, body, patience, .. } = Asked::read(inner, admitted, Way::Chat).await?;
    let id = request.id;
    let run = call::run(inner, request, body, Patience::Leave(patience));
    let whole = held.during(run).await?.into_answer()?;
    let answer = serde_json::to_vec(&ShortChat::answer(&whole)?)
        .map_err(|_| Problem::new(ErrorCode::Internal, "the answer could not be written"))?;
    Ok(call::respond(id, answer.into())?)
}
