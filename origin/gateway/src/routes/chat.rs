//! `POST /chat`: one message in, and the text of the response out. The worker receives a
//! conversation.

use axum::response::Response;
use cortex_api::Problem;
use cortex_api::body::Checked;
use cortex_api::chat::SimpleChat;
use cortex_domain::ErrorCode;

use crate::auth::Admitted;
use crate::calls::respond;
use crate::generate::{Generator, TextKind};
use crate::revocations::Revocations;

/// Responds to one message.
pub(crate) async fn create(
    (generator, revocations): (Generator, Revocations),
    admitted: Admitted,
) -> Result<Response, Problem> {
    let key_use = revocations.track(&admitted)?;
    let parse = |body: Checked<'_>| SimpleChat::parse(body)?.request()?.try_into();
    let call = generator.parse(admitted, TextKind::Chat.topic(), parse).await?;
    let id = call.request.id;
    let whole = generator.run(&key_use, call).await?.into_answer()?;
    let answer = serde_json::to_vec(&SimpleChat::answer(&whole)?)
        .map_err(|_| Problem::new(ErrorCode::Internal, "the response could not be written"))?;
    respond(id, answer.into())
}
