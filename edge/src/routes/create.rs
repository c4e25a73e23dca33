//! `POST /api/v1/jobs`: to the ledger and the queue, or through the proxy to the origin if the
//! caller waits.

use std::time::Duration;

use cortex_api::prefer::Prefer;
use cortex_api::timeouts::WAIT_SLACK;
use cortex_api::{CreateJob, Problem, headers, hops};
use cortex_domain::ErrorCode;
use cortex_domain::job::Hop;
use cortex_guard::flags::Flags;
use cortex_guard::{fingerprint, precheck};
use wasm_bindgen::JsValue;
use worker::{Context, Env, QueueContentType, RawMessageBuilder, Response};

use super::proxy::{self, Work};
use crate::admit::Presented;
use crate::body::Incoming;
use crate::envelope::{Envelope, MAX_INLINE};
use crate::error::ApiError;
use crate::incoming::Head;
use crate::ledger::client::{LedgerClient, mismatch};
use crate::ledger::jobs::entry::{Entry, Facts, Idempotency, NewJob};
use crate::ledger::jobs::requests::Accepted;
use crate::{answer, body, clock, config, key_checks, log, offloaded, random};

pub(crate) async fn answer(
    head: &Head,
    incoming: Incoming<'_>,
    presented: &Presented,
    env: &Env,
    context: &Context,
) -> Result<Response, ApiError> {
    let received = Hop { name: hops::RECEIVED.to_owned(), at: clock::now() };
    let ledger = LedgerClient::of(env, &presented.tenant)?;
    // The call that commits the job asks the ledger again, so the body of a caller with a recently
    // confirmed key can be read at once.
    let known = key_checks::is_recent(&presented.key);
    if !known {
        ledger.check(presented).await?;
    }
    let takes = incoming.takes;
    let body = body::read(incoming, presented.tenant.as_str()).await?;
    let topics = config::topics(env)?;
    let read = precheck::check_json(head.content_type(), &body, takes)
        .and_then(|body| CreateJob::parse(body, &topics));
    let job = match read {
        Ok(job) => job,
        Err(problem) => {
            if known {
                ledger.check(presented).await?;
            }
            return Err(problem.into());
        }
    };
    let findings = precheck::personal_data(&body)?;
    for finding in &findings {
        log::info("job.personal_data", &[("kind", finding.kind), ("place", &finding.place)]);
    }
    let flags = Flags::of(&findings);
    let prefer = Prefer::parse(head.get("prefer"));
    if let (Some(wait), false) = (prefer.waits(), prefer.respond_async) {
        return wait_for(head, &body, &flags, presented, wait + WAIT_SLACK, env).await;
    }
    let entry = accept(head, Checked { body, job, flags, received }, presented, env, context).await?;
    let id = entry.view.id.to_string();
    let location = format!("/api/v1/jobs/{id}");
    let mut extra = vec![("location", location.as_str()), (headers::JOB_ID, &id)];
    if prefer.respond_async {
        extra.push(("preference-applied", "respond-async"));
    }
    Ok(answer::json(202, &entry.view, &extra)?)
}

/// Proxies the job to the origin. Its id is that of its idempotency key, whether or not an earlier
/// caller with the key waited too.
async fn wait_for(
    head: &Head,
    body: &[u8],
    flags: &Flags,
    presented: &Presented,
    deadline: Duration,
    env: &Env,
) -> Result<Response, ApiError> {
    let ledger = LedgerClient::of(env, &presented.tenant)?;
    let id = random::job_id()?;
    let (caller, job) = match idempotency(head, body)? {
        Some(asked) => ledger.claim(presented, asked, id).await?,
        None => (ledger.check(presented).await?, id),
    };
    let work = Work { job: job.to_string(), flags: Some(flags), deadline };
    let sent = work.send(head, body, &caller, env).await;
    let (answered, job) = proxy::or_revoked(sent, presented, env).await?;
    proxy::respond(answered, &[(headers::JOB_ID, &job)], head, presented, env).await
}

fn idempotency(head: &Head, body: &[u8]) -> Result<Option<Idempotency>, ApiError> {
    let content_type = head.content_type().unwrap_or_default();
    Ok(head.idempotency_key()?.map(|key| Idempotency {
        key: key.to_string(),
        fingerprint: fingerprint::text(&fingerprint::of(&head.method, &head.path, content_type, body)),
    }))
}

/// A checked body, and the findings in it.
struct Checked {
    body: Vec<u8>,
    job: CreateJob,
    flags: Flags,
    received: Hop,
}

/// Commits the job to the ledger and sends it to the queue. After the commit the ledger is
/// responsible for the job: the caller does not wait for the queue, and a failing queue only delays
/// the job.
async fn accept(
    head: &Head,
    checked: Checked,
    presented: &Presented,
    env: &Env,
    context: &Context,
) -> Result<Entry, ApiError> {
    let Checked { body, job, flags, received } = checked;
    let idempotency = idempotency(head, &body)?;
    let facts = Facts {
        topic: job.topic,
        labels: flags.onto(job.labels),
        max_attempts: job.max_attempts,
        deadline_ms: job.deadline.map(|at| at.as_millis()),
        bytes: u64::try_from(body.len()).unwrap_or(u64::MAX),
    };
    let mut envelope = Envelope {
        job: random::job_id()?,
        tenant: presented.tenant.to_string(),
        // The ledger fills in the principal.
        principal: String::new(),
        roles: Vec::new(),
        content_type: head.content_type().unwrap_or_default().to_owned(),
        idempotency_key: idempotency.as_ref().map(|asked| asked.key.clone()),
        traceparent: head.traceparent.to_string(),
        hops: hops::encode(std::slice::from_ref(&received)),
        flags: Some(flags.to_string()),
        offloaded: false,
    };
    // A valid JSON text is UTF-8.
    let body = String::from_utf8(body)
        .map_err(|_| Problem::new(ErrorCode::MalformedJson, "the body is not valid UTF-8"))?;
    let ledger = LedgerClient::of(env, &presented.tenant)?;
    loop {
        let new = NewJob {
            id: envelope.job,
            facts: facts.clone(),
            created: received.at,
            idempotency: idempotency.clone(),
            message: message(&mut envelope, &body, env).await?,
        };
        let accepted = ledger.accept(presented, new).await;
        if let Ok((caller, Accepted::New(entry))) = accepted {
            let mut entry = *entry;
            let mut envelope = envelope.by(&caller);
            envelope.hops = std::mem::take(&mut entry.hops);
            let (job, trace_id) = (envelope.job.to_string(), envelope.trace_id());
            let fields = [("job", job.as_str()), ("tenant", &envelope.tenant), ("trace_id", &trace_id)];
            log::info("job.accepted", &fields);
            context.wait_until(enqueue(envelope, body, env.clone()));
            return Ok(entry);
        }
        delete_offloaded(&envelope, env).await;
        match accepted?.1 {
            Accepted::New(entry) | Accepted::Known(entry) => return Ok(*entry),
            // Another caller waits or waited for the job of this idempotency key. It is the same
            // job.
            Accepted::Claimed(job) => envelope.job = job,
            Accepted::Mismatch => return Err(mismatch().into()),
            Accepted::Full(full) => return Err(Problem::from(full).into()),
        }
    }
}

/// Returns the message for the queue. A body that is too large is offloaded.
async fn message(envelope: &mut Envelope, body: &str, env: &Env) -> Result<String, ApiError> {
    envelope.offloaded = false;
    let message = envelope.encode(body)?;
    if message.len() <= MAX_INLINE {
        return Ok(message);
    }
    offloaded::put(env, &envelope.job, body).await?;
    envelope.offloaded = true;
    Ok(envelope.encode(body)?)
}

async fn enqueue(envelope: Envelope, body: String, env: Env) {
    let sent = async {
        let message = JsValue::from_str(&envelope.encode(&body)?);
        let message = RawMessageBuilder::new(message).build_with_content_type(QueueContentType::Text);
        env.queue("JOBS")?.send_raw(message).await
    };
    if let Err(error) = sent.await {
        log::error("queue.send", &[("job", &envelope.job.to_string()), ("cause", &error.to_string())]);
    }
}

async fn delete_offloaded(envelope: &Envelope, env: &Env) {
    if envelope.offloaded
        && let Err(error) = offloaded::delete(env, &envelope.job).await
    {
        log::error("job.unpark", &[("job", &envelope.job.to_string()), ("cause", &error.to_string())]);
    }
}
