//! `/internal/*`: the origin's reports and the requests of `cortex keys`, both signed.

use std::collections::BTreeMap;

use cortex_api::routes::EdgeService;
use cortex_api::{Applied, CreateKey, KeyPage, Problem, StateLine, StateReport};
use cortex_domain::ErrorCode;
use cortex_domain::id::KeyId;
use cortex_domain::id::Tenant;
use cortex_guard::keys::{ApiKey, Epoch, KeyRecord};
use worker::{Context, Env, Response};

use crate::error::{ApiError, not_found};
use crate::incoming::Head;
use crate::ledger::client::LedgerClient;
use crate::signed::Signed;
use crate::{admit, answer, clock, config, log, random, revoked};

/// Responds to a signed request.
pub(crate) async fn answer(
    route: EdgeService<KeyId>,
    signed: &Signed,
    head: &Head,
    env: &Env,
    context: &Context,
) -> Result<Response, ApiError> {
    match route {
        EdgeService::JobStates => states(StateReport::parse(signed.json()?)?, env).await,
        EdgeService::CreateKey => create_key(CreateKey::parse(signed.json_without_secrets()?)?, env).await,
        EdgeService::ListKeys => list_keys(&head.query, env).await,
        EdgeService::RevokeKey(id) => revoke_key(&id, &head.query, env, context).await,
    }
}

async fn states(report: StateReport, env: &Env) -> Result<Response, ApiError> {
    let mut by_tenant = BTreeMap::<_, Vec<StateLine>>::new();
    for line in report.states {
        by_tenant.entry(line.tenant.clone()).or_default().push(line);
    }
    let mut all = Applied::default();
    for (tenant, lines) in by_tenant {
        let reply = LedgerClient::of(env, &tenant)?.states(lines).await?;
        all.applied += reply.applied;
        all.cancelled.extend(reply.cancelled);
    }
    Ok(answer::json(200, &all, &[])?)
}

async fn create_key(asked: CreateKey, env: &Env) -> Result<Response, ApiError> {
    let CreateKey { tenant, principal, roles } = asked;
    let key = ApiKey::mint(random::bytes()?);
    let record = KeyRecord {
        id: key.id.clone(),
        tenant,
        principal,
        roles,
        hash: key.hash(&config::pepper(env)?),
        epoch: Epoch::default(),
        created_at: clock::now(),
    };
    // The ledger comes first, because a key that only KV knew could never be revoked.
    let record = LedgerClient::of(env, &record.tenant)?.put_key(record).await?;
    admit::point(&record.id, &record.tenant, env).await?;
    log::info("key.created", &[("key", record.id.as_str()), ("tenant", record.tenant.as_str())]);
    Ok(answer::json(201, &record.view_with(&key), &[])?)
}

async fn list_keys(query: &str, env: &Env) -> Result<Response, ApiError> {
    let Some(tenant) = tenant(query) else {
        return Err(Problem::new(
            ErrorCode::InvalidRequest,
            "missing or invalid query parameter \
            `tenant` (expected `?tenant=NAME`)",
        )
        .at("tenant")
        .into());
    };
    let keys = LedgerClient::of(env, &tenant)?.keys().await?;
    let keys = keys.into_iter().map(|(record, revoked)| record.view(revoked)).collect();
    Ok(answer::json(200, &KeyPage { keys }, &[])?)
}

/// Revokes a key in the ledger, which every call asks. Deleting the pointer in KV only removes an
/// unused entry.
async fn revoke_key(id: &KeyId, query: &str, env: &Env, context: &Context) -> Result<Response, ApiError> {
    let known = admit::tenant(id, &config::pepper(env)?, env).await?;
    // KV may not know a new or revoked key.
    let tenant = known.or_else(|| tenant(query)).ok_or_else(not_found)?;
    let ledger = LedgerClient::of(env, &tenant)?;
    ledger.revoke(id).await?;
    log::info("key.revoked", &[("key", id.as_str()), ("tenant", tenant.as_str())]);
    admit::forget(id, env).await?;
    let keys = ledger.keys().await?;
    context.wait_until(notify_origin(id.clone(), tenant, ledger, env.clone()));
    let (record, revoked) = keys.into_iter().find(|(record, _)| record.id == *id).ok_or_else(not_found)?;
    Ok(answer::json(200, &record.view(revoked), &[])?)
}

/// Notifies the origin at once. If that fails, the ledger tries again. The streams that pass this
/// edge end without the origin.
async fn notify_origin(key: KeyId, tenant: Tenant, ledger: LedgerClient, env: Env) {
    let notified = match revoked::notify(&key, &tenant, &env).await {
        Ok(()) => {
            ledger.note_revocation_delivered(&key).await.map_err(|refusal| refusal.into_problem().detail)
        }
        Err(cause) => Err(cause),
    };
    if let Err(cause) = notified {
        log::error("key.revocation_untold", &[("key", key.as_str()), ("cause", &cause)]);
    }
}

/// Returns the tenant in a query, which needs no decoding because tenant names contain nothing that
/// is encoded.
fn tenant(query: &str) -> Option<Tenant> {
    query.split('&').find_map(|pair| pair.strip_prefix("tenant="))?.parse().ok()
}
