//! The delivery of a job to the origin, by the queue's consumer or the ledger's alarm.

use std::pin::pin;
use std::time::Duration;

use cortex_api::problem::ErrorView;
use cortex_api::{Problem, headers, hops};
use cortex_domain::ErrorCode;
use cortex_domain::id::JobId;
use cortex_domain::job::Hop;
use cortex_guard::ledger::SEND_LEASE;
use cortex_otlp::{AttributeValue, SpanKind};
use futures::future::{Either, select};
use serde::{Deserialize, Serialize};
use worker::{Delay, Env, Response};

use crate::envelope::Envelope;
use crate::origin::{Origin, Outbound, caller_headers};
use crate::trace::{Background, Exporter};
use crate::{clock, log, offloaded};

/// How long one attempt may take. It includes fetching the body, sending it, and sending it again
/// with a signature for another gateway instance.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(10);

// Otherwise another sender would take the job during this attempt.
const _: () = assert!(DELIVERY_TIMEOUT.as_millis() < SEND_LEASE.as_millis());

/// The result of an attempt.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Delivery {
    /// The origin holds the job durably, under this id. The id differs from the ledger's if the
    /// idempotency key was used earlier in a call that did not pass the ledger.
    Accepted {
        #[serde(with = "cortex_api::text")]
        id: JobId,
    },
    /// The origin rejected the job for good.
    Refused { error: ErrorView, denied: bool },
    /// The origin did not accept the job. The ledger tries again later.
    Away,
}

/// Sends a job to the origin, within a span that continues the trace of the job's request. `body`
/// is `None` if it was offloaded.
pub(crate) async fn deliver(
    mut envelope: Envelope,
    body: Option<&str>,
    env: &Env,
    background: &impl Background,
) -> Delivery {
    let job = envelope.job;
    let exporter = Exporter::of(env);
    let Ok(span) = exporter.start(envelope.traceparent.parse().ok()) else {
        return away(&JobIds::of(&envelope), "no random bytes are available");
    };
    envelope.traceparent = span.own.to_string();
    let delivery = try_once(envelope, body, env).await;
    let failed = matches!(delivery, Delivery::Away);
    let attributes = vec![("cortex.job.id", AttributeValue::Text(job.to_string()))];
    let span = span.end("deliver job".to_owned(), SpanKind::Consumer, clock::now(), attributes, failed);
    exporter.export(span, env, background);
    delivery
}

async fn try_once(envelope: Envelope, body: Option<&str>, env: &Env) -> Delivery {
    let ids = JobIds::of(&envelope);
    let attempt = pin!(attempt(envelope, body, env));
    match select(attempt, Delay::from(DELIVERY_TIMEOUT)).await {
        Either::Left((delivery, _)) => delivery,
        Either::Right(_) => {
            away(&ids, &format!("the origin did not accept the job within {} s", DELIVERY_TIMEOUT.as_secs()))
        }
    }
}

async fn attempt(mut envelope: Envelope, body: Option<&str>, env: &Env) -> Delivery {
    let (job, ids) = (envelope.job, JobIds::of(&envelope));
    let fetched;
    let body = match body {
        Some(body) => body,
        None => match offloaded::get(env, &job).await {
            Ok(Some(body)) => {
                fetched = body;
                &fetched
            }
            Ok(None) => {
                log::error("job.body_lost", &ids.fields(&[]));
                let problem = Problem::new(
                    ErrorCode::Internal,
                    "the job's body was lost before it reached the \
                        origin: submit the job again",
                );
                return Delivery::Refused { error: problem.view(), denied: false };
            }
            Err(error) => return away(&ids, &error.to_string()),
        },
    };
    envelope.add_hop(Hop { name: hops::DRAINED.to_owned(), at: clock::now() });
    let origin = match Origin::of(env) {
        Ok(origin) => origin,
        Err(refusal) => return away(&ids, &refusal.into_problem().detail),
    };
    match origin.send(&outbound(&envelope, body), DELIVERY_TIMEOUT).await {
        Ok(answer) => judge(&job, &ids, answer).await,
        Err(error) => away(&ids, &error.0),
    }
}

fn outbound<'a>(envelope: &'a Envelope, body: &'a str) -> Outbound<'a> {
    let mut all = caller_headers(&envelope.tenant, &envelope.principal, &envelope.roles);
    all.push((headers::JOB_ID, envelope.job.to_string()));
    all.push((headers::HOPS, envelope.hops.clone()));
    all.push((headers::TRACEPARENT, envelope.traceparent.clone()));
    all.extend(envelope.flags.clone().map(|flags| (headers::FLAGS, flags)));
    all.extend(envelope.idempotency_key.clone().map(|key| (headers::IDEMPOTENCY, key)));
    Outbound {
        method: "POST",
        path: "/api/v1/jobs",
        query: "",
        content_type: &envelope.content_type,
        body: body.as_bytes(),
        headers: all,
    }
}

async fn judge(job: &JobId, ids: &JobIds, mut answer: Response) -> Delivery {
    match answer.status_code() {
        200..300 => {
            let id = answer.headers().get(headers::JOB_ID).ok().flatten();
            let id = id.and_then(|id| id.parse().ok()).unwrap_or(*job);
            log::info("job.delivered", &ids.fields(&[]));
            Delivery::Accepted { id }
        }
        // The origin may accept it later: a timeout, another call with the same idempotency key,
        // too early, or too many requests.
        status @ (408 | 409 | 425 | 429) => away(ids, &format!("status {status}")),
        status @ 400..500 => {
            log::info("job.refused", &ids.fields(&[("status", &status.to_string())]));
            let body = answer.bytes().await.unwrap_or_default();
            let unreadable = || {
                Problem::new(
                    ErrorCode::InvalidRequest,
                    format!(
                        "the origin refused the job (status \
                    {status})"
                    ),
                )
                .view()
            };
            let error = serde_json::from_slice(&body).unwrap_or_else(|_| unreadable());
            Delivery::Refused { error, denied: status == 403 }
        }
        status => away(ids, &format!("status {status}")),
    }
}

fn away(ids: &JobIds, cause: &str) -> Delivery {
    log::info("job.waits", &ids.fields(&[("cause", cause)]));
    Delivery::Away
}

/// The ids in the log lines about a job.
struct JobIds {
    job: String,
    trace_id: String,
}

impl JobIds {
    fn of(envelope: &Envelope) -> Self {
        Self { job: envelope.job.to_string(), trace_id: envelope.trace_id() }
    }

    fn fields<'a>(&'a self, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        [("job", self.job.as_str()), ("trace_id", self.trace_id.as_str())]
            .iter()
            .chain(more)
            .copied()
            .collect()
    }
}
