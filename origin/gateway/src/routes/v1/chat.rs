//! `POST /v1/chat/completions`.

use axum::response::Response;
use cortex_api::Problem;

use crate::auth::Admitted;
use crate::generate::{Generator, TextKind};
use crate::revocations::Revocations;
use crate::stream::Streams;

/// Continues a conversation.
pub(crate) async fn create(
    (generator, streams, revocations): (Generator, Streams, Revocations),
    admitted: Admitted,
) -> Result<Response, Problem> {
    let key_use = revocations.track(&admitted)?;
    generator.answer(&streams, key_use, admitted, TextKind::Chat).await
}
