//! Handing a job over to the origin. Both the queue's consumer and the ledger's alarm do it.

use std::time::Duration;

use cortex_api::problem::ErrorView;
use cortex_api::{Problem, headers, hops};
use cortex_domain::ErrorCode;
use cortex_domain::job::Hop;
use serde::{Deserialize, Serialize};
use worker::{Env, Response};

use crate::envelope::Envelope;
use crate::origin::{Origin, Outbound, caller_headers};
use crate::{chance, log, parked};

/// How long the origin may take to accept a job.
const DEADLINE: Duration = Duration::from_secs(10);

/// What came of an attempt.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Delivery {
    /// The origin holds it durably, under this id: another one than ours if its idempotency key had been
    /// used in a call that didn't pass the ledger.
    Accepted { id: String },
    /// The origin will never take it.
    Refused { error: ErrorView, denied: bool },
    /// Nobody took it; try again later.
    Away,
}

/// Sends a job to the origin. `body` is absent when it is parked.
pub(crate) async fn deliver(mut envelope: Envelope, body: Option<&str>, env: &Env) -> Delivery {
    let job = envelope.job.clone();
    let fetched;
    let body = match body {
        Some(body) => body,
        None => match parked::get(env, &job).await {
            Ok(Some(body)) => {
                fetched = body;
                &fetched
            }
            Ok(None) => {
                log::error("job.body_lost", &[("job", &job)]);
                let problem =
                    Problem::new(ErrorCode::Internal, "the job's body was lost before it reached the origin");
                return Delivery::Refused { error: problem.view(), denied: false };
            }
            Err(error) => return away(&job, &error.to_string()),
        },
    };
    envelope.add_hop(Hop { name: hops::DRAINED.to_owned(), at: chance::now() });
    let origin = match Origin::of(env) {
        Ok(origin) => origin,
        Err(refusal) => return away(&job, &refusal.into_problem().detail),
    };
    match origin.send(&outbound(&envelope, body), DEADLINE).await {
        Ok(answer) => judge(&job, answer).await,
        Err(error) => away(&job, &error.0),
    }
}

fn outbound<'a>(envelope: &'a Envelope, body: &'a str) -> Outbound<'a> {
    let mut all = caller_headers(&envelope.tenant, &envelope.principal, &envelope.roles);
    all.push((headers::JOB_ID, envelope.job.clone()));
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

async fn judge(job: &str, mut answer: Response) -> Delivery {
    match answer.status_code() {
        200..300 => {
            let id = answer.headers().get(headers::JOB_ID).ok().flatten().unwrap_or_else(|| job.to_owned());
            log::info("job.delivered", &[("job", job)]);
            Delivery::Accepted { id }
        }
        // It may take it later: a time-out, a call under way with the same idempotency key, too early, too many.
        status @ (408 | 409 | 425 | 429) => away(job, &format!("status {status}")),
        status @ 400..500 => {
            log::info("job.refused", &[("job", job), ("status", &status.to_string())]);
            let body = answer.bytes().await.unwrap_or_default();
            let unreadable = || {
                Problem::new(ErrorCode::InvalidRequest, format!("the origin refused it ({status})")).view()
            };
            let error = serde_json::from_slice(&body).unwrap_or_else(|_| unreadable());
            Delivery::Refused { error, denied: status == 403 }
        }
        status => away(job, &format!("status {status}")),
    }
}

fn away(job: &str, cause: &str) -> Delivery {
    log::info("job.waits", &[("job", job), ("cause", cause)]);
    Delivery::Away
}
