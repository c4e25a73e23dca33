//! `POST /api/v1/jobs`: into the ledger and the queue, or, for a caller who waits, through to the origin.

use std::time::Duration;

use cortex_domain::job::Hop;
use cortex_guard::api::CreateJob;
use cortex_guard::flags::Flags;
use cortex_guard::keys::KeyRecord;
use cortex_guard::prefer::Prefer;
use cortex_guard::{Kind, Problem, fingerprint, headers, hops, precheck};
use wasm_bindgen::JsValue;
use worker::{Context, Env, QueueContentType, RawMessageBuilder, Request, Response};

use super::through;
use crate::envelope::{Envelope, MAX_INLINE};
use crate::incoming::{self, Head};
use crate::ledger::call::{Entry, Facts, Idempotency, NewJob, Reply};
use crate::ledger::client::LedgerClient;
use crate::refusal::Refusal;
use crate::{answer, chance, config, log, parked};

/// What the origin may take beyond the time the caller waits.
const SLACK: Duration = Duration::from_secs(10);

pub(crate) async fn answer(
    head: &Head,
    request: &mut Request,
    caller: &KeyRecord,
    env: &Env,
    context: &Context,
) -> Result<Response, Refusal> {
    let received = Hop { name: hops::RECEIVED.to_owned(), at: chance::now() };
    let body = incoming::body(request).await?;
    let job = CreateJob::parse(head.content_type(), &body, &config::topics(env)?)?;
    let findings = precheck::personal_data(&body)?;
    for finding in &findings {
        log::info("job.personal_data", &[("kind", finding.kind), ("place", &finding.place)]);
    }
    let flags = Flags::of(&findings);
    let prefer = Prefer::parse(head.get("prefer"));
    if let (Some(wait), false) = (prefer.waits(), prefer.respond_async) {
        LedgerClient::of(env, caller.tenant.as_str())?.check(caller).await?;
        return through::work(head, &body, Some(&flags), caller, wait + SLACK, env).await;
    }
    let entry = accept(head, Checked { body, job, flags, received }, caller, env, context).await?;
    let id = entry.view.id.to_string();
    let location = format!("/api/v1/jobs/{id}");
    let mut extra = vec![("location", location.as_str()), (headers::JOB_ID, &id)];
    if prefer.respond_async {
        extra.push(("preference-applied", "respond-async"));
    }
    Ok(answer::json(202, &entry.view, &extra)?)
}

/// A body that passed, and what was learnt of it.
struct Checked {
    body: Vec<u8>,
    job: CreateJob,
    flags: Flags,
    received: Hop,
}

/// Commits the job to the ledger and hands it to the queue. From the commit on it is the ledger's: the caller
/// doesn't wait for the queue, and that the queue can't take it only makes it slower.
async fn accept(
    head: &Head,
    checked: Checked,
    caller: &KeyRecord,
    env: &Env,
    context: &Context,
) -> Result<Entry, Refusal> {
    let Checked { body, job, flags, received } = checked;
    let content_type = head.content_type().unwrap_or_default();
    let key = head.idempotency_key()?;
    let idempotency = key.as_ref().map(|key| Idempotency {
        key: key.to_string(),
        fingerprint: fingerprint::text(&fingerprint::of(&head.method, &head.path, content_type, &body)),
    });
    // A JSON text that was read without fault is UTF-8.
    let body =
        String::from_utf8(body).map_err(|_| Problem::new(Kind::MalformedJson, "the body is not UTF-8"))?;

    let id = chance::job_id()?.to_string();
    let mut envelope = Envelope {
        job: id.clone(),
        tenant: caller.tenant.to_string(),
        principal: caller.principal.to_string(),
        roles: caller.roles.iter().map(ToString::to_string).collect(),
        content_type: content_type.to_owned(),
        idempotency_key: key.map(|key| key.to_string()),
        traceparent: head.traceparent()?.to_string(),
        hops: hops::encode(std::slice::from_ref(&received)),
        flags: Some(flags.to_string()),
        parked: false,
    };
    let mut message = envelope.encode(&body)?;
    if message.len() > MAX_INLINE {
        parked::put(env, &id, &body).await?;
        envelope.parked = true;
        message = envelope.encode(&body)?;
    }
    let new = NewJob {
        id: id.clone(),
        facts: Facts {
            topic: job.topic.to_string(),
            labels: flags.onto(job.labels),
            max_attempts: job.max_attempts,
            deadline_ms: job.deadline.map(|at| at.as_millis()),
        },
        created_ms: received.at.as_millis(),
        idempotency,
        message: message.clone(),
    };
    match commit(caller, new, env).await {
        Ok((mut entry, true)) => {
            envelope.hops = std::mem::take(&mut entry.hops);
            context.wait_until(enqueue(envelope, body, env.clone()));
            log::info("job.accepted", &[("job", &id), ("tenant", caller.tenant.as_str())]);
            Ok(entry)
        }
        Ok((entry, false)) => {
            unpark(&envelope, env).await;
            Ok(entry)
        }
        Err(refusal) => {
            unpark(&envelope, env).await;
            Err(refusal)
        }
    }
}

async fn commit(caller: &KeyRecord, job: NewJob, env: &Env) -> Result<(Entry, bool), Refusal> {
    match LedgerClient::of(env, caller.tenant.as_str())?.record(caller, job).await? {
        Reply::Recorded { entry, new } => Ok((*entry, new)),
        Reply::Mismatch => {
            let detail = "this idempotency key was used for another request: take a new one";
            Err(Problem::new(Kind::IdempotencyMismatch, detail).into())
        }
        Reply::Full => {
            let detail = "too many of your jobs wait for the origin: try again later";
            Err(Problem::new(Kind::Overloaded, detail).retry_after(Duration::from_secs(30)).into())
        }
        other => Err(Refusal::Broken(format!("the ledger gave an unexpected reply: {other:?}"))),
    }
}

async fn enqueue(envelope: Envelope, body: String, env: Env) {
    let sent = async {
        let message = JsValue::from_str(&envelope.encode(&body)?);
        let message = RawMessageBuilder::new(message).build_with_content_type(QueueContentType::Text);
        env.queue("JOBS")?.send_raw(message).await
    };
    if let Err(error) = sent.await {
        log::error("queue.send", &[("job", &envelope.job), ("cause", &error.to_string())]);
    }
}

async fn unpark(envelope: &Envelope, env: &Env) {
    if envelope.parked
        && let Err(error) = parked::delete(env, &envelope.job).await
    {
        log::error("job.unpark", &[("job", &envelope.job), ("cause", &error.to_string())]);
    }
}
