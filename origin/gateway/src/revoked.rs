//! `POST /internal/revoked`: the edge says that an API key no longer holds, and what is open under it ends.

use axum::Json;
use axum::extract::State;
use cortex_api::{Closed, Problem, RevokedKey};
use cortex_domain::ErrorCode;

use cortex_guard::precheck;

use crate::door::Admitted;
use crate::gateway::Gateway;
use crate::refuse::Refused;

/// Ends the streams, the waits and the calls of the key. It may be said again.
pub(crate) async fn revoked(
    State(gateway): State<Gateway>,
    admitted: Admitted,
) -> Result<Json<Closed>, Refused> {
    if !admitted.signed {
        return Err(Problem::new(ErrorCode::NotFound, "there is no such path").into());
    }
    let RevokedKey { key } = RevokedKey::parse(precheck::check_internal(&admitted.body)?)?;
    let closed = gateway.inner.holders.revoke(admitted.owner.tenant, key.clone());
    tracing::info!(%key, closed, "an API key was revoked");
    Ok(Json(Closed { closed }))
}
