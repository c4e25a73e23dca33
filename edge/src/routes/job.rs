//! One job: read and cancelled where it is. The ledger is asked first, which also says whether the key holds;
//! what the origin has, the origin answers for, and while it is away the ledger does.

use std::time::Duration;

use cortex_api::Problem;
use cortex_domain::ErrorCode;
use cortex_domain::id::JobId;
use worker::{Delay, Env, Request, Response};

use super::through;
use crate::admit::Presented;
use crate::incoming::Head;
use crate::ledger::call::Place;
use crate::ledger::client::{Cancel, LedgerClient};
use crate::refusal::Refusal;
use crate::{answer, body, log};

/// A job on its way will have arrived after so many looks.
const LOOKS: usize = 10;
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

pub(crate) async fn get(
    id: JobId,
    head: &Head,
    presented: &Presented,
    env: &Env,
) -> Result<Response, Refusal> {
    let ledger = LedgerClient::of(env, &presented.tenant)?;
    let (caller, entry) = ledger.look(presented, id.to_string()).await?;
    let Some(entry) = entry else {
        let answered = through::ask(head, &[], &caller, through::READ, env).await??;
        return through::pass(answered, &[], head, presented, env).await;
    };
    if entry.place == Place::Origin {
        let path = format!("/api/v1/jobs/{}", entry.origin_id);
        match through::ask_at(&path, head, &[], &caller, env).await? {
            Ok(answered) => return through::pass(answered, &[], head, presented, env).await,
            Err(away) => log::info("job.seen_from_ledger", &[("cause", &away.0)]),
        }
    }
    Ok(answer::json(200, &entry.view, &[])?)
}

pub(crate) async fn cancel(
    id: JobId,
    head: &Head,
    request: &mut Request,
    presented: &Presented,
    env: &Env,
) -> Result<Response, Refusal> {
    let ledger = LedgerClient::of(env, &presented.tenant)?;
    for _ in 0..LOOKS {
        let (caller, cancel) = ledger.cancel(presented, id.to_string()).await?;
        match cancel {
            Cancel::Done(entry) => {
                body::drain(request, Some(head)).await;
                return Ok(answer::json(200, &entry.view, &[])?);
            }
            Cancel::Ended => {
                return Err(Problem::new(ErrorCode::Conflict, "the job has ended already").into());
            }
            Cancel::Sending => Delay::from(BETWEEN_LOOKS).await,
            Cancel::AtOrigin(id) => {
                let body = body::read(request, caller.tenant.as_str()).await?;
                let path = format!("/api/v1/jobs/{id}/cancel");
                let answered = through::ask_at(&path, head, &body, &caller, env).await??;
                return through::pass(answered, &[], head, presented, env).await;
            }
        }
    }
    let detail = "the job is being handed to the origin: try again";
    Err(Problem::new(ErrorCode::Conflict, detail).retry_after(Duration::from_secs(1)).into())
}
