//! Tells the origin of a revoked key, so that it ends what was opened with it.

use std::time::Duration;

use cortex_domain::id::Tenant;
use cortex_guard::api::RevokedKey;
use cortex_guard::keys::KeyId;
use worker::{Delay, Env};

use crate::log;
use crate::origin::{Origin, Outbound, caller_headers};

/// How long the origin may take to answer.
const DEADLINE: Duration = Duration::from_secs(2);
/// How long to wait before each attempt. The streams that pass this edge end without the origin's help.
const WAITS: [Duration; 4] =
    [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(10)];

pub(crate) async fn tell(key: KeyId, tenant: Tenant, env: Env) {
    let Ok(body) = serde_json::to_string(&RevokedKey { key: key.clone() }) else { return };
    for wait in WAITS {
        Delay::from(wait).await;
        match attempt(&body, &tenant, &env).await {
            Ok(()) => return,
            Err(cause) => log::error("key.revocation_untold", &[("key", key.as_str()), ("cause", &cause)]),
        }
    }
}

async fn attempt(body: &str, tenant: &Tenant, env: &Env) -> Result<(), String> {
    let origin = Origin::of(env).map_err(|refusal| refusal.into_problem().detail)?;
    let request = Outbound {
        method: "POST",
        path: "/internal/revoked",
        query: "",
        content_type: "application/json",
        body: body.as_bytes(),
        headers: caller_headers(tenant.as_str(), "edge", &[]),
    };
    match origin.send(&request, DEADLINE).await {
        Ok(answer) if (200..300).contains(&answer.status_code()) => Ok(()),
        Ok(answer) => Err(format!("status {}", answer.status_code())),
        Err(away) => Err(away.0),
    }
}
