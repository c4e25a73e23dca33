//! Parameters of paths and queries, and the headers that change what a route does.

use cortex_domain::id::IdempotencyKey;
use serde_json::{Value, json};

use super::bodies::{job_id, key_id, state, tenant, topic};
use super::schema::{about, name, string, whole, with};
use crate::list::{DEFAULT, MOST};
use crate::prefer::MAX_WAIT;
use crate::routes::{Caller, EdgeService, Route, RouteInfo};

/// The parameters of a route.
pub(super) fn of(info: &RouteInfo) -> Vec<Value> {
    match info.route {
        Route::Caller(Caller::CreateJob) => vec![prefer_wait(), idempotency_key(), traceparent()],
        Route::Caller(Caller::ListJobs) => list_jobs(),
        Route::Caller(Caller::GetJob(()) | Caller::CancelJob(())) => vec![path("id", job_id())],
        Route::Caller(Caller::JobEvents(())) => {
            vec![path("id", job_id()), accept(), last_event("<attempt>.<version>")]
        }
        Route::Caller(Caller::ChatCompletions | Caller::Completions) => {
            vec![prefer_resume(), last_event("<job>.<n>"), traceparent()]
        }
        Route::Caller(Caller::Embeddings | Caller::SimpleChat) => vec![traceparent()],
        Route::Caller(Caller::GetModel) => {
            vec![path("id", about(string(), "An id may hold slashes, plain or encoded."))]
        }
        Route::Edge(EdgeService::ListKeys) => vec![query("tenant", true, tenant())],
        Route::Edge(EdgeService::RevokeKey(())) => {
            vec![path("id", key_id()), query("tenant", false, tenant())]
        }
        Route::Public(_)
        | Route::Caller(Caller::ListModels)
        | Route::Local(_)
        | Route::Edge(EdgeService::JobStates | EdgeService::CreateKey)
        | Route::Origin(_) => vec![],
    }
}

fn list_jobs() -> Vec<Value> {
    let limit = with(whole(1, i64::try_from(MOST).unwrap_or(i64::MAX)), "default", DEFAULT.into());
    vec![
        query("state", false, state()),
        query("topic", false, topic()),
        query("cursor", false, about(job_id(), "The `next` of the page before.")),
        query("limit", false, limit),
    ]
}

fn path(name: &str, schema: Value) -> Value {
    json!({"name": name, "in": "path", "required": true, "schema": schema})
}

fn query(name: &str, required: bool, schema: Value) -> Value {
    json!({"name": name, "in": "query", "required": required, "schema": schema})
}

fn header(name: &str, schema: Value, text: &str) -> Value {
    json!({"name": name, "in": "header", "schema": schema, "description": text})
}

fn idempotency_key() -> Value {
    let text = "The caller's own name for the request (unique within the tenant). The same key with the same request gives \
                the same job; with another request it is refused with 422.";
    header("Idempotency-Key", name("-_.:/+=A-Za-z0-9", IdempotencyKey::MAX), text)
}

fn prefer_wait() -> Value {
    let text = format!(
        "RFC 7240. `wait=N` waits up to N seconds (at most {}) for the job's end: 200 if it ended, else 202. \
         `respond-async` doesn't wait.",
        MAX_WAIT.as_secs()
    );
    header("Prefer", with(string(), "examples", json!(["wait=10", "respond-async"])), &text)
}

fn prefer_resume() -> Value {
    let text = format!(
        "`resume=N` keeps a stream for N seconds (at most {}) without its reader, who comes back with `Last-Event-ID`.",
        MAX_WAIT.as_secs()
    );
    header("Prefer", with(string(), "examples", json!(["resume=30"])), &text)
}

fn last_event(form: &str) -> Value {
    header("Last-Event-ID", string(), &format!("The id of the event that was seen last, `{form}`."))
}

fn accept() -> Value {
    let text = "`text/event-stream` asks for the events as they come, else they are a list.";
    header("Accept", string(), text)
}

fn traceparent() -> Value {
    let schema = json!({"type": "string", "pattern": "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$"});
    header("traceparent", schema, "W3C Trace Context. One that is malformed counts as none.")
}
