//! Proxies calls that wait. The edge checks and signs them, and streams the origin's response.

use std::time::Duration;

use cortex_api::body::Checked;
use cortex_api::timeouts::{INFERENCE_TIMEOUT, READ_TIMEOUT};
use cortex_api::{Problem, headers, hops};
use cortex_domain::job::Hop;
use cortex_guard::flags::Flags;
use cortex_guard::keys::Caller;
use cortex_guard::precheck;
use worker::{Env, Response};

use crate::admit::Presented;
use crate::body::Incoming;
use crate::error::ApiError;
use crate::incoming::Head;
use crate::ledger::client::LedgerClient;
use crate::origin::{Origin, OriginUnreachable, Outbound, caller_headers};
use crate::{answer, body, clock, key_checks, random, stream};

/// Proxies a read request.
pub(crate) async fn read(head: &Head, presented: &Presented, env: &Env) -> Result<Response, ApiError> {
    let caller = LedgerClient::of(env, &presented.tenant)?.check(presented).await?;
    let answered = request(head, &[], &caller, READ_TIMEOUT, env).await??;
    respond(answered, &[], head, presented, env).await
}

/// Proxies an inference request. The body is validated with the same parser that the origin uses.
pub(crate) async fn infer<T>(
    parse: impl FnOnce(Checked<'_>) -> Result<T, Problem>,
    head: &Head,
    incoming: Incoming<'_>,
    presented: &Presented,
    env: &Env,
) -> Result<Response, ApiError> {
    let caller = LedgerClient::of(env, &presented.tenant)?.check(presented).await?;
    let takes = incoming.takes;
    let body = body::read(incoming, caller.tenant.as_str()).await?;
    parse(precheck::check_json(head.content_type(), &body, takes)?)?;
    let work = Work { job: random::job_id()?.to_string(), flags: None, deadline: INFERENCE_TIMEOUT };
    let (answered, job) = or_revoked(work.send(head, &body, &caller, env).await, presented, env).await?;
    respond(answered, &[(headers::JOB_ID, &job)], head, presented, env).await
}

/// A call that creates a job.
#[derive(Debug)]
pub(crate) struct Work<'a> {
    /// The job's id.
    pub(crate) job: String,
    pub(crate) flags: Option<&'a Flags>,
    pub(crate) deadline: Duration,
}

impl Work<'_> {
    /// Sends the call. Returns the origin's response and the job's id, which belongs to an earlier
    /// job if the origin knows the idempotency key.
    pub(crate) async fn send(
        self,
        head: &Head,
        body: &[u8],
        caller: &Caller,
        env: &Env,
    ) -> Result<(Response, String), ApiError> {
        let Self { job, flags, deadline } = self;
        let hop = Hop { name: hops::RECEIVED.to_owned(), at: clock::now() };
        let mut extra = vec![(headers::JOB_ID, job.clone()), (headers::HOPS, hops::encode(&[hop]))];
        extra.extend(flags.map(|flags| (headers::FLAGS, flags.to_string())));
        if let Some(key) = head.idempotency_key()? {
            extra.push((headers::IDEMPOTENCY, key.to_string()));
        }
        let answered = send(head, &head.path, body, extra, caller, deadline, env).await??;
        let known = answered.headers().get(headers::JOB_ID)?.unwrap_or(job);
        Ok((answered, known))
    }
}

/// Returns the result of a call, or an error if it failed because its key was revoked meanwhile.
/// The origin ends such a call.
pub(crate) async fn or_revoked<T>(
    sent: Result<T, ApiError>,
    presented: &Presented,
    env: &Env,
) -> Result<T, ApiError> {
    if sent.is_err() {
        LedgerClient::of(env, &presented.tenant)?.check(presented).await?;
    }
    sent
}

/// Passes the origin's response to the caller while the caller's key is valid.
pub(crate) async fn respond(
    answered: Response,
    extra: &[(&str, &str)],
    head: &Head,
    presented: &Presented,
    env: &Env,
) -> Result<Response, ApiError> {
    if stream::is_one(&answered) {
        let proxied = answer::proxied(answered, extra)?;
        return Ok(stream::watched(proxied, presented, &head.path, env)?);
    }
    // A slow response may come after the key was revoked.
    if !key_checks::is_recent(&presented.key)
        && let Err(ApiError::Problem(problem)) =
            LedgerClient::of(env, &presented.tenant)?.check(presented).await
    {
        return Err(problem.into());
    }
    Ok(answer::proxied(answered, extra)?)
}

/// Sends a request to the origin unchanged, in the caller's name.
pub(crate) async fn request(
    head: &Head,
    body: &[u8],
    caller: &Caller,
    deadline: Duration,
    env: &Env,
) -> Result<Result<Response, OriginUnreachable>, ApiError> {
    send(head, &head.path, body, vec![], caller, deadline, env).await
}

/// Sends a request to the origin under another path.
pub(crate) async fn request_at(
    path: &str,
    head: &Head,
    body: &[u8],
    caller: &Caller,
    env: &Env,
) -> Result<Result<Response, OriginUnreachable>, ApiError> {
    send(head, path, body, vec![], caller, READ_TIMEOUT, env).await
}

async fn send(
    head: &Head,
    path: &str,
    body: &[u8],
    extra: Vec<(&str, String)>,
    caller: &Caller,
    deadline: Duration,
    env: &Env,
) -> Result<Result<Response, OriginUnreachable>, ApiError> {
    let roles: Vec<String> = caller.roles.iter().map(ToString::to_string).collect();
    let mut all = caller_headers(caller.tenant.as_str(), caller.principal.as_str(), &roles);
    all.push((headers::CALLER_KEY, caller.key.to_string()));
    all.push((headers::TRACEPARENT, head.traceparent.to_string()));
    for (name, value) in &head.headers {
        let ours = name == headers::TRACEPARENT || name == "content-type";
        // An invalid header that only describes the client is dropped and not an error.
        if headers::passes_inward(name) && !ours && value.is_ascii() {
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
