//! The parameters of paths and queries, and headers that change what a route does.

use cortex_domain::id::{IdempotencyKey, JobId, KeyId, Tenant};
use cortex_domain::state::StateName;
use cortex_domain::topic::Topic;
use serde_json::{Value, json};

use super::schemas::Schemas;
use crate::list::{DEFAULT, MAX_LIMIT};
use crate::prefer::MAX_WAIT;
use crate::routes::{Caller, EdgeService, Route, RouteInfo};

/// Returns the parameters of a route.
pub(super) fn of(info: &RouteInfo, schemas: &mut Schemas) -> Vec<Value> {
    match info.route {
        Route::Caller(Caller::CreateJob) => vec![prefer_wait(), idempotency_key(schemas), traceparent()],
        Route::Caller(Caller::ListJobs) => list_jobs(schemas),
        Route::Caller(Caller::GetJob(()) | Caller::CancelJob(())) => {
            vec![path("id", schemas.body::<JobId>(), JOB_ID)]
        }
        Route::Caller(Caller::JobEvents(())) => {
            vec![path("id", schemas.body::<JobId>(), JOB_ID), accept(), last_event("<attempt>.<version>")]
        }
        Route::Caller(Caller::ChatCompletions | Caller::Completions) => {
            vec![prefer_resume(), last_event("<job>.<n>"), traceparent()]
        }
        Route::Caller(Caller::Embeddings | Caller::SimpleChat) => vec![traceparent()],
        Route::Caller(Caller::GetModel) => {
            let text = "The name of the model. It may contain slashes, plain or encoded.";
            vec![path("id", json!({"type": "string"}), text)]
        }
        Route::Edge(EdgeService::ListKeys) => {
            vec![query("tenant", true, schemas.body::<Tenant>(), "The tenant of the keys.")]
        }
        Route::Edge(EdgeService::RevokeKey(())) => {
            let tenant = "The tenant of the key. Required if the key is new or already revoked.";
            vec![
                path("id", schemas.body::<KeyId>(), "The id of the key."),
                query("tenant", false, schemas.body::<Tenant>(), tenant),
            ]
        }
        Route::Public(_)
        | Route::Caller(Caller::ListModels)
        | Route::Local(_)
        | Route::Edge(EdgeService::JobStates | EdgeService::CreateKey)
        | Route::Origin(_) => vec![],
    }
}

fn list_jobs(schemas: &mut Schemas) -> Vec<Value> {
    let limit = json!({"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT});
    vec![
        query("state", false, schemas.body::<StateName>(), "Only jobs in this state."),
        query("topic", false, schemas.body::<Topic>(), "Only jobs of this topic."),
        query("cursor", false, schemas.body::<JobId>(), "The `next` of the previous page."),
        query("limit", false, limit, "The maximum number of jobs."),
    ]
}

const JOB_ID: &str = "The id of the job.";

fn path(name: &str, schema: Value, text: &str) -> Value {
    json!({"name": name, "in": "path", "required": true, "schema": schema, "description": text})
}

fn query(name: &str, required: bool, schema: Value, text: &str) -> Value {
    json!({"name": name, "in": "query", "required": required, "schema": schema, "description": text})
}

fn header(name: &str, schema: Value, text: &str) -> Value {
    json!({"name": name, "in": "header", "schema": schema, "description": text})
}

fn idempotency_key(schemas: &mut Schemas) -> Value {
    let text = "A key that the caller chooses for the request, unique within the tenant. The same key with the \
        same request returns the same job. The same key with a different request is an error (422).";
    header("Idempotency-Key", schemas.body::<IdempotencyKey>(), text)
}

fn prefer_wait() -> Value {
    let text = format!(
        "RFC 7240. `wait=N` waits up to N seconds (at most {}) for the job to end. The status is 200 \
            if it ended, else 202. `respond-async` does not wait.",
        MAX_WAIT.as_secs()
    );
    header("Prefer", json!({"type": "string", "examples": ["wait=10", "respond-async"]}), &text)
}

fn prefer_resume() -> Value {
    let text = format!(
        "`resume=N` keeps a stream for N seconds (at most {}) after its client disconnects. The \
            client resumes it with `Last-Event-ID`.",
        MAX_WAIT.as_secs()
    );
    header("Prefer", json!({"type": "string", "examples": ["resume=30"]}), &text)
}

fn last_event(form: &str) -> Value {
    header(
        "Last-Event-ID",
        json!({"type": "string"}),
        &format!("The id of the last event that the client has seen, `{form}`."),
    )
}

fn accept() -> Value {
    let text = "With `text/event-stream` the response is a stream of events. Otherwise it is a list.";
    header("Accept", json!({"type": "string"}), text)
}

fn traceparent() -> Value {
    let schema = json!({"type": "string", "pattern": "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$"});
    header("traceparent", schema, "W3C Trace Context. A malformed value counts as missing.")
}
