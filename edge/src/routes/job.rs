//! Reads and cancels a job at its place. The ledger is asked first and also checks the key. The
//! origin answers for its jobs, and while it is unreachable the ledger does.

use std::time::Duration;

use cortex_api::Problem;
use cortex_api::timeouts::READ_TIMEOUT;
use cortex_domain::ErrorCode;
use cortex_domain::id::JobId;
use worker::{Delay, Env, Response};

use super::proxy;
use crate::admit::Presented;
use crate::body::Incoming;
use crate::error::ApiError;
use crate::incoming::Head;
use crate::ledger::client::LedgerClient;
use crate::ledger::jobs::requests::Cancelled;
use crate::{answer, body, log};

/// How often the edge tries to cancel a job that is being sent, and the wait in between.
const MAX_SENDING_POLLS: usize = 10;
const SENDING_POLL_INTERVAL: Duration = Duration::from_millis(200);

pub(crate) async fn get(
    id: JobId,
    head: &Head,
    presented: &Presented,
    env: &Env,
) -> Result<Response, ApiError> {
    let ledger = LedgerClient::of(env, &presented.tenant)?;
    let (caller, entry) = ledger.look(presented, id).await?;
    let Some(entry) = entry else {
        let answered = proxy::request(head, &[], &caller, READ_TIMEOUT, env).await??;
        return proxy::respond(answered, &[], head, presented, env).await;
    };
    if let Some(id) = entry.origin_id {
        let path = format!("/api/v1/jobs/{id}");
        match proxy::request_at(&path, head, &[], &caller, env).await? {
            Ok(answered) => return proxy::respond(answered, &[], head, presented, env).await,
            Err(away) => log::info("job.seen_from_ledger", &[("cause", &away.0)]),
        }
    }
    Ok(answer::json(200, &entry.view, &[])?)
}

pub(crate) async fn cancel(
    id: JobId,
    head: &Head,
    incoming: Incoming<'_>,
    presented: &Presented,
    env: &Env,
) -> Result<Response, ApiError> {
    let ledger = LedgerClient::of(env, &presented.tenant)?;
    for _ in 0..MAX_SENDING_POLLS {
        let (caller, cancelled) = ledger.cancel(presented, id).await?;
        match cancelled {
            Cancelled::Done(entry) => {
                body::drain(incoming.request, Some(head)).await;
                return Ok(answer::json(200, &entry.view, &[])?);
            }
            Cancelled::Ended => {
                return Err(Problem::new(ErrorCode::Conflict, "the job has already ended").into());
            }
            Cancelled::BeingSent => Delay::from(SENDING_POLL_INTERVAL).await,
            Cancelled::AtOrigin(id) => {
                let body = body::read(incoming, caller.tenant.as_str()).await?;
                let path = format!("/api/v1/jobs/{id}/cancel");
                let answered = proxy::request_at(&path, head, &body, &caller, env).await??;
                return proxy::respond(answered, &[], head, presented, env).await;
            }
        }
    }
    let detail = "the job is being delivered to the origin: try again";
    Err(Problem::new(ErrorCode::Conflict, detail).retry_after(Duration::from_secs(1)).into())
}
