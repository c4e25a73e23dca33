//! One job: read and cancelled where it is. The ledger is asked first, which also says whether the key holds;
//! what the origin has, the origin answers for, and while it is away the ledger does.

use std::time::Duration;

use cortex_domain::id::JobId;
use cortex_guard::keys::KeyRecord;
use cortex_guard::{Kind, Problem};
use worker::{Delay, Env, Request, Response};

use super::through;
use crate::incoming::{self, Head};
use crate::ledger::call::Place;
use crate::ledger::client::{Cancel, LedgerClient};
use crate::refusal::Refusal;
use crate::{answer, log};

/// A job on its way will have arrived after so many looks.
const LOOKS: usize = 10;
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

pub(crate) async fn get(id: JobId, head: &Head, caller: &KeyRecord, env: &Env) -> Result<Response, Refusal> {
    let ledger = LedgerClient::of(env, caller.tenant.as_str())?;
    let Some(entry) = ledger.look(caller, id.to_string()).await? else {
        return Ok(answer::passed_on(through::ask(head, &[], caller, through::READ, env).await??, &[])?);
    };
    if entry.place == Place::Origin {
        let path = format!("/api/v1/jobs/{}", entry.origin_id);
        match through::ask_at(&path, head, &[], caller, env).await? {
            Ok(answered) => return Ok(answer::passed_on(answered, &[])?),
            Err(away) => log::info("job.seen_from_ledger", &[("cause", &away.0)]),
        }
    }
    Ok(answer::json(200, &entry.view, &[])?)
}

pub(crate) async fn cancel(
    id: JobId,
    head: &Head,
    request: &mut Request,
    caller: &KeyRecord,
    env: &Env,
) -> Result<Response, Refusal> {
    let body = incoming::body(request).await?;
    let ledger = LedgerClient::of(env, caller.tenant.as_str())?;
    for _ in 0..LOOKS {
        match ledger.cancel(caller, id.to_string()).await? {
            Cancel::Done(entry) => return Ok(answer::json(200, &entry.view, &[])?),
            Cancel::Ended => return Err(Problem::new(Kind::Conflict, "the job has ended already").into()),
            Cancel::Sending => Delay::from(BETWEEN_LOOKS).await,
            Cancel::AtOrigin(id) => {
                let path = format!("/api/v1/jobs/{id}/cancel");
                let answered = through::ask_at(&path, head, &body, caller, env).await??;
                return Ok(answer::passed_on(answered, &[])?);
            }
        }
    }
    let detail = "the job is being handed to the origin: try again";
    Err(Problem::new(Kind::Conflict, detail).retry_after(Duration::from_secs(1)).into())
}
