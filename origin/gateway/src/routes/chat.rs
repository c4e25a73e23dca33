//! `POST /chat`: one message, a conversation to its worker, and the text of its answer to its caller.

use axum::response::Response;
use cortex_api::Problem;
use cortex_api::chat::ShortChat;
use cortex_domain::ErrorCode;

use crate::calls::respond;
use crate::door::Admitted;
use crate::generate::{Generator, Way};
use crate::holders::Holders;
use crate::offload::Offload;

/// Answers one message.
pub(crate) async fn create(
    (generator, offload, holders): (Generator, Offload, Holders),
    admitted: Admitted,
) -> Result<Response, Problem> {
    let size = admitted.body.len();
    let read = move || {
        let body = ShortChat::parse(admitted.json()?)?.body().into();
        Ok(Admitted { body, ..admitted })
    };
    let admitted = offload.run(size, read).await?;
    let held = holders.hold(&admitted)?;
    let asked = generator.read(admitted, Way::Chat).await?;
    let id = asked.request.id;
    let whole = generator.run(&held, asked).await?.into_answer()?;
    let answer = serde_json::to_vec(&ShortChat::answer(&whole)?)
        .map_err(|_| Problem::new(ErrorCode::Internal, "the answer could not be written"))?;
    respond(id, answer.into())
}
