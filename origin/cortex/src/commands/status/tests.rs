use cortex_api::WorkerView;
use serde_json::{Value, json};

use super::super::health::{ComponentHealth, ComponentStatus};
use super::*;
use crate::ports::PortOwner;
use crate::running::Process;
use cortex_client::ApiError;

fn running() -> Running {
    Running {
        pid: 7,
        origin: "http://127.0.0.1:8080".into(),
        grpc: Some("http://127.0.0.1:50052".into()),

        metrics: None,
        edge: Some("http://127.0.0.1:8787".into()),
        host: Some("http://127.0.0.1:8081".into()),
        chat_host: None,
        processes: vec![
            Process { name: "edge".into(), log: "/h/logs/edge.log".into() },
            Process { name: "embed-1".into(), log: "/h/logs/embed-1.log".into() },
        ],
    }
}

fn component(name: &'static str, status: ComponentStatus) -> ComponentHealth {
    let url = "http://127.0.0.1:1".to_owned();
    ComponentHealth { name, url, status, latency_ms: Some(1.0), version: None, detail: String::new() }
}

fn worker() -> WorkerView {
    let view = json!({"id": "embed-1", "kind": "embed", "pool": "embed", "topics": ["job.embed"], "capacity": 4,
        "in_flight": 1, "draining": false, "models": ["m"], "pid": 9, "resident": 3_145_728,
        "memory_free": 9_437_184});
    serde_json::from_value(view).unwrap()
}

fn document() -> StatusView {
    let parts = vec![
        component("edge", ComponentStatus::Away),
        component("origin", ComponentStatus::Degraded),
        component("host", ComponentStatus::Ok),
    ];
    let owner = |port| (port == 8081).then(|| PortOwner { pid: 9, name: "cortex-worker".into() });
    StatusView::of(running(), parts, vec![worker()], vec!["m".into()], owner)
}

/// Sorted, because the order of keys depends on the features of `serde_json`.
fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

#[test]
fn the_view_holds_the_fields_that_hybrid_scripts_read() {
    let document = serde_json::to_value(document()).unwrap();
    assert_eq!(
        document["ports"],
        json!({"edge": 8787, "api": 8080, "grpc": 50052, "mlx": 8081, "webui": 8080})
    );
    assert_eq!(
        document["mlx"],
        json!({"running": true, "pid": 9, "url": "http://127.0.0.1:8081", "responding": true,
            "log": "/h/logs/embed-1.log"})
    );
    assert_eq!(document["containers"], json!([]));
    assert_eq!(
        document["connectivity"],
        json!({"edge": false, "api": true, "mlx": true, "modelGateway": true, "webui": false})
    );
}

#[test]
fn the_view_has_the_same_keys_whether_cortex_runs_or_not() {
    let idle = serde_json::to_value(StatusView::not_running(Ports::default())).unwrap();
    let started = serde_json::to_value(document()).unwrap();
    assert_eq!(keys(&idle), keys(&started));
    for part in ["ports", "mlx", "connectivity"] {
        assert_eq!(keys(&idle[part]), keys(&started[part]), "{part}");
    }
    assert_eq!(
        keys(&started),
        [
            "connectivity",
            "containers",
            "edge",
            "mlx",
            "models",
            "origin",
            "pid",
            "ports",
            "processes",
            "running",
            "workers"
        ]
    );
    assert_eq!((&idle["running"], &idle["pid"]), (&json!(false), &Value::Null));
}

#[test]
fn the_text_shows_components_workers_and_logs() {
    let text = text(&document());
    for expected in
        ["7", "edge       unreachable ", "embed-1  embed  job.embed  1/4   3 MiB   9 MiB", "/h/logs/edge.log"]
    {
        assert!(text.contains(expected), "{expected:?} in\n{text}");
    }
    let idle = super::text(&StatusView::not_running(Ports::default()));
    assert!(idle.contains("cortex up"));
}

#[test]
fn with_another_key_the_note_says_how_to_pass_it() {
    let refused =
        |status| CallError::Refused(ApiError { status, slug: None, detail: "no".into(), retry_after: None });
    assert!(
        unavailable("workers", &refused(StatusCode::UNAUTHORIZED)).contains("--api-key @FILE or API_KEY")
    );
    assert!(unavailable("workers", &refused(StatusCode::BAD_GATEWAY)).ends_with("HTTP 502: no"));
}
