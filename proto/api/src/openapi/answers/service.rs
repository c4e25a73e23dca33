//! Health, workers, keys, and what the doors answer each other.

use serde_json::Value;

use super::super::bodies::{job_id, key_id, principal, role, tenant};
use super::super::schema::{
    Components, about, boolean, count, list, map, object, one_of, reference, string, time,
};

pub(super) fn components() -> Components {
    let workers = object().required("workers", list(reference("WorkerView")));
    let keys = object().required("keys", list(reference("KeyView")));
    let cancelled = "Jobs that go on at the origin though their callers cancelled them at the edge.";
    let applied = object().required("applied", count()).maybe("cancelled", about(list(job_id()), cancelled));
    vec![
        ("HealthView", health()),
        ("WorkerPage", workers.build()),
        ("WorkerView", worker()),
        ("KeyPage", keys.build()),
        ("KeyView", key()),
        ("Applied", applied.build()),
        ("Closed", object().required("closed", count()).build()),
    ]
}

fn health() -> Value {
    object()
        .required("status", one_of(&["ok", "degraded"]))
        .required("service", about(string(), "`edge` or `gateway`."))
        .required("version", string())
        .required("checks", about(map(string()), "What it needs, and how each does."))
        .build()
}

fn worker() -> Value {
    object()
        .required("id", string())
        .required("kind", string())
        .required("pool", string())
        .required("topics", list(string()))
        .required("capacity", count())
        .required("in_flight", count())
        .required("draining", boolean())
        .required("models", list(string()))
        .required("pid", count())
        .required("resident", about(count(), "Resident memory, in bytes."))
        .required("memory_free", about(count(), "What its models may still take, in bytes; 0 if not known."))
        .build()
}

fn key() -> Value {
    object()
        .required("id", key_id())
        .required("tenant", tenant())
        .required("principal", principal())
        .required("roles", list(role()))
        .required("created_at", time())
        .required("revoked", boolean())
        .maybe("key", about(string(), "The key itself, in the answer that made it alone."))
        .build()
}
