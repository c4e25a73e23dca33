//! Notifies the origin about a revoked key, so that it ends what the key opened.

use std::time::Duration;

use cortex_api::RevokedKey;
use cortex_domain::id::KeyId;
use cortex_domain::id::Tenant;
use worker::Env;

use crate::origin::{Origin, Outbound, caller_headers};

/// How long the origin may take to respond.
pub(crate) const NOTICE_TIMEOUT: Duration = Duration::from_secs(2);

/// Makes one attempt to notify the origin.
pub(crate) async fn notify(key: &KeyId, tenant: &Tenant, env: &Env) -> Result<(), String> {
    let body = serde_json::to_string(&RevokedKey { key: key.clone() }).map_err(|error| error.to_string())?;
    let origin = Origin::of(env).map_err(|refusal| refusal.into_problem().detail)?;
    let request = Outbound {
        method: "POST",
        path: "/internal/revoked",
        query: "",
        content_type: "application/json",
        body: body.as_bytes(),
        headers: caller_headers(tenant.as_str(), "edge", &[]),
    };
    match origin.send(&request, NOTICE_TIMEOUT).await {
        Ok(answer) if (200..300).contains(&answer.status_code()) => Ok(()),
        Ok(answer) => Err(format!("status {}", answer.status_code())),
        Err(away) => Err(away.0),
    }
}
