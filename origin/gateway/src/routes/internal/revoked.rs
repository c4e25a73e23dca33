//! `POST /internal/revoked`: the edge says that an API key no longer holds, and what is open under it ends.

use axum::Json;
use cortex_api::{Closed, Problem, RevokedKey};

use crate::auth::SignedByEdge;
use crate::revocations::Revocations;

/// Ends the streams, the waits and the calls of the key. It may be said again.
pub(crate) async fn revoked(revocations: Revocations, signed: SignedByEdge) -> Result<Json<Closed>, Problem> {
    let RevokedKey { key } = RevokedKey::parse(signed.json()?)?;
    let closed = revocations.revoke(signed.tenant().clone(), key.clone());
    tracing::info!(%key, closed, "an API key was revoked");
    Ok(Json(Closed { closed }))
}
