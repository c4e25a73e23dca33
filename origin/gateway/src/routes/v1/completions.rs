//! `POST /v1/completions`.

use axum::response::Response;
use cortex_api::Problem;

use crate::auth::Admitted;
use crate::generate::{Generator, TextKind};
use crate::holders::Holders;
use crate::stream::Streams;

/// Goes on with texts.
pub(crate) async fn create(
    (generator, streams, holders): (Generator, Streams, Holders),
    admitted: Admitted,
) -> Result<Response, Problem> {
    let held = holders.hold(&admitted)?;
    generator.answer(&streams, held, admitted, TextKind::Completion).await
}
