//! `POST /v1/completions`.

use axum::response::Response;
use cortex_api::Problem;

use crate::auth::Admitted;
use crate::generate::{Generator, TextKind};
use crate::revocations::Revocations;
use crate::stream::Streams;

/// Completes prompts.
pub(crate) async fn create(
    (generator, streams, revocations): (Generator, Streams, Revocations),
    admitted: Admitted,
) -> Result<Response, Problem> {
    let key_use = revocations.track(&admitted)?;
    generator.answer(&streams, key_use, admitted, TextKind::Completion).await
}
