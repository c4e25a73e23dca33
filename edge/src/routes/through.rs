//! Calls that wait: checked and signed here, answered by the origin, whose answer streams through.

use std::time::Duration;

use cortex_domain::job::Hop;
use cortex_guard::flags::Flags;
use cortex_guard::keys::KeyRecord;
use cortex_guard::{Problem, headers, hops};
use worker::{Env, Request, Response};

use crate::incoming::{self, Head};
use crate::ledger::client::LedgerClient;
use crate::origin::{Away, Origin, Outbound, caller_headers};
use crate::refusal::Refusal;
use crate::{answer, chance};

/// How long a read may take until its answer begins.
pub(crate) const READ: Duration = Duration::from_secs(15);
/// How long the models may take until their answer begins; one that streams may then take longer.
const INFERENCE: Duration = Duration::from_secs(90);

/// A read of the origin's own.
pub(crate) async fn read(head: &Head, caller: &KeyRecord, env: &Env) -> Result<Response, Refusal> {
    LedgerClient::of(env, caller.tenant.as_str())?.check(caller).await?;
    Ok(answer::passed_on(ask(head, &[], caller, READ, env).await??, &[])?)
}

/// A call of a model: read here as it will be there.
pub(crate) async fn infer<T>(
    parse: impl FnOnce(Option<&str>, &[u8]) -> Result<T, Problem>,
    head: &Head,
    request: &mut Request,
    caller: &KeyRecord,
    env: &Env,
) -> Result<Response, Refusal> {
    let body = incoming::body(request).await?;
    parse(head.content_type(), &body)?;
    LedgerClient::of(env, caller.tenant.as_str())?.check(caller).await?;
    work(head, &body, None, caller, INFERENCE, env).await
}

/// A call that makes a job, which gets its id here.
pub(crate) async fn work(
    head: &Head,
    body: &[u8],
    flags: Option<&Flags>,
    caller: &KeyRecord,
    deadline: Duration,
    env: &Env,
) -> Result<Response, Refusal> {
    let job = chance::job_id()?.to_string();
    let hop = Hop { name: hops::RECEIVED.to_owned(), at: chance::now() };
    let mut extra = vec![(headers::JOB_ID, job.clone()), (headers::HOPS, hops::encode(&[hop]))];
    extra.extend(flags.map(|flags| (headers::FLAGS, flags.to_string())));
    if let Some(key) = head.idempotency_key()? {
        extra.push((headers::IDEMPOTENCY, key.to_string()));
    }
    let answered = send(head, &head.path, body, extra, caller, deadline, env).await??;
    // The origin may name an earlier job under the same idempotency key.
    let known = answered.headers().get(headers::JOB_ID)?.unwrap_or(job);
    Ok(answer::passed_on(answered, &[(headers::JOB_ID, &known)])?)
}

/// Puts a request to the origin as it came, in the caller's name.
pub(crate) async fn ask(
    head: &Head,
    body: &[u8],
    caller: &KeyRecord,
    deadline: Duration,
    env: &Env,
) -> Result<Result<Response, Away>, Refusal> {
    send(head, &head.path, body, vec![], caller, deadline, env).await
}

/// Puts a request to the origin under another path.
pub(crate) async fn ask_at(
    path: &str,
    head: &Head,
    body: &[u8],
    caller: &KeyRecord,
    env: &Env,
) -> Result<Result<Response, Away>, Refusal> {
    send(head, path, body, vec![], caller, READ, env).await
}

async fn send(
    head: &Head,
    path: &str,
    body: &[u8],
    extra: Vec<(&str, String)>,
    caller: &KeyRecord,
    deadline: Duration,
    env: &Env,
) -> Result<Result<Response, Away>, Refusal> {
    let roles: Vec<String> = caller.roles.iter().map(ToString::to_string).collect();
    let mut all = caller_headers(caller.tenant.as_str(), caller.principal.as_str(), &roles);
    all.push((headers::TRACEPARENT, head.traceparent()?.to_string()));
    for (name, value) in &head.headers {
        let ours = name == headers::TRACEPARENT || name == "content-type";
        if headers::passes_inward(name) && !ours {
            all.push((name, value.clone()));
        }
    }
    all.extend(extra);
    let request = Outbound {
        method: &head.method,
        path,
        query: &head.query,
        content_type: head.content_type().unwrap_or_default(),
        body,
        headers: all,
    };
    Ok(Origin::of(env)?.send(&request, deadline).await)
}
