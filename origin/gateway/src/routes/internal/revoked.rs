//! `POST /internal/revoked`: the edge reports that an API key was revoked.

use axum::Json;
use cortex_api::{Closed, Problem, RevokedKey};

use crate::auth::SignedByEdge;
use crate::revocations::Revocations;

/// Ends the streams, waits and calls of the key. The report may be repeated.
pub(crate) async fn revoked(revocations: Revocations, signed: SignedByEdge) -> Result<Json<Closed>, Problem> {
    let RevokedKey { key } = RevokedKey::parse(signed.json()?)?;
    let closed = revocations.revoke(signed.tenant().clone(), key.clone());
    tracing::info!(%key, closed, "an API key was revoked");
    Ok(Json(Closed { closed }))
}
