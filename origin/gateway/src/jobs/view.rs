//! Jobs and their log entries in the format of the API.

use bytes::Bytes;
use cortex_api::{EventView, HoldView, JobView, Problem};
use cortex_domain::ErrorCode;
use cortex_domain::event::{Entry, Event};
use cortex_domain::job::Job;
use cortex_domain::state::{Exhausted, Hold, State, Target};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::error;

/// Returns the view of a job with a result.
pub(crate) fn view(job: &Job, result: Option<Bytes>) -> JobView {
    JobView {
        id: job.id(),
        topic: job.topic().clone(),
        state: job.state.name(),
        hold: hold(&job.state),
        attempt: job.attempt.0,
        max_attempts: Some(job.request.limits.attempts),
        version: job.version.0,
        created_at: job.request.created_at,
        updated_at: job.updated_at,
        deadline: job.request.limits.deadline,
        labels: job.request.labels.clone(),
        result: result.and_then(raw),
        error: problem(&job.state).map(|problem| problem.view()),
    }
}

/// Returns a worker's response as JSON. Any other response becomes a string.
fn raw(bytes: Bytes) -> Option<Box<RawValue>> {
    serde_json::from_slice(&bytes)
        .or_else(|_| serde_json::value::to_raw_value(&String::from_utf8_lossy(&bytes)))
        .ok()
}

fn hold(state: &State) -> Option<HoldView> {
    match state {
        State::Pending { hold } if *hold != Hold::Ready => {
            Some(HoldView { kind: hold.name().to_owned(), until: hold.until() })
        }
        _ => None,
    }
}

/// Returns why a job ended without a result.
fn problem(state: &State) -> Option<Problem> {
    match state {
        State::Failed { failure } => Some(error::from_failure(failure.clone())),
        State::Denied { denial } => Some(Problem::new(ErrorCode::Denied, denial.reason.clone())),
        State::TimedOut { exhausted } => Some(Problem::new(
            ErrorCode::Timeout,
            match exhausted {
                Exhausted::Deadline => "the job's deadline passed",
                Exhausted::Attempts => "every attempt ended because its worker stopped responding",
            },
        )),
        _ => None,
    }
}

/// Returns the view of a log entry. The first entry also lists the hops before the origin.
pub(super) fn event(job: &Job, entry: &Entry) -> EventView {
    EventView {
        id: format!("{}.{}", entry.attempt.0, entry.version.0),
        version: entry.version.0,
        attempt: entry.attempt.0,
        at: entry.at,
        name: entry.event.name().to_owned(),
        state: entry.state,
        detail: detail(job, &entry.event),
    }
}

fn detail(job: &Job, event: &Event) -> Map<String, Value> {
    let value = match event {
        Event::Accepted => {
            let hops = job.request.hops.iter().map(|hop| (hop.name.clone(), hop.at.to_string().into()));
            let hops: Map<String, Value> = hops.collect();
            if hops.is_empty() { json!({}) } else { json!({ "hops": hops }) }
        }
        Event::Cleared { clearance } => json!({"policy": clearance.policy.0, "rule": clearance.rule}),
        Event::Denied { denial } => json!({"rule": denial.rule, "reason": denial.reason}),
        Event::Held { hold: Hold::Approval { denial } } => {
            json!({"hold": "approval", "until": null, "rule": denial.rule, "reason": denial.reason})
        }
        Event::Held { hold } => {
            json!({"hold": hold.name(), "until": hold.until().map(|until| until.to_string())})
        }
        Event::Approved { by } => json!({"by": by.as_str()}),
        Event::Rejected { by, reason } => json!({"by": by.as_str(), "reason": reason}),
        Event::Scheduled { target, .. } => match target {
            Target::Worker(worker) => json!({"worker": worker.as_str()}),
            Target::Pool(pool) => json!({"pool": pool.as_str()}),
        },
        Event::Started { worker, .. } => json!({"worker": worker.as_str()}),
        Event::Succeeded { timings, .. } => {
            json!({"wait_ms": timings.wait_ms, "run_ms": timings.run_ms})
        }
        Event::Failed { failure, .. } => {
            let mut detail = json!({"kind": failure.kind.name(), "detail": failure.detail});
            if let Some(parameter) = &failure.parameter {
                detail["param"] = parameter.as_str().into();
            }
            detail
        }
        Event::Cancelled { reason } => json!({"reason": reason}),
        Event::Released | Event::Dispatched { .. } | Event::Returned { .. } | Event::Expired => json!({}),
    };
    match value {
        Value::Object(detail) => detail,
        _ => Map::new(),
    }
}
