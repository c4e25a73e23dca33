//! `cortex health`.

use cortex_api::Status;
use serde::Serialize;

use crate::exit::{Exit, Failure};
use crate::output::{self, table};
use crate::running::Running;
use cortex_client::{self as client, CallError, Health};
use cortex_node::Home;

/// `cortex health --json`.
#[derive(Debug, Serialize)]
struct HealthReport {
    /// Whether `cortex up` runs here.
    running: bool,
    parts: Vec<ComponentHealth>,
}

/// How one part does.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct ComponentHealth {
    /// `edge`, `origin`, `host` or `chat host`.
    pub(super) name: &'static str,
    pub(super) url: String,
    pub(super) status: ComponentStatus,
    /// Milliseconds until it had answered.
    pub(super) latency_ms: Option<f64>,
    pub(super) version: Option<String>,
    /// What it needs, with `ok` or a short word for each; or why it is away.
    pub(super) detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ComponentStatus {
    Ok,
    /// It answers, but not all is well.
    Degraded,
    /// It does not answer.
    Away,
}

/// Asks every part that should run.
///
/// # Errors
/// If the answer can't be written.
pub(crate) async fn run(home: &Home, json: bool) -> Result<Exit, Failure> {
    let running = Running::read(home);
    let parts = match &running {
        Some(running) => check_components(running).await,
        None => Vec::new(),
    };
    let exit = exit(&parts);
    if json {
        output::json(&HealthReport { running: running.is_some(), parts })?;
    } else if running.is_some() {
        output::out(&text(&parts));
    }
    if running.is_none() {
        output::note("nothing runs here: start it with `cortex up`");
    }
    Ok(exit)
}

/// All parts, asked at once.
pub(super) async fn check_components(running: &Running) -> Vec<ComponentHealth> {
    let (edge, origin, host, chat) = tokio::join!(
        ask("edge", running.edge.as_deref()),
        ask("origin", Some(&running.origin)),
        ask("host", running.host.as_deref()),
        ask("chat host", running.chat_host.as_deref())
    );
    [edge, origin, host, chat].into_iter().flatten().collect()
}

async fn ask(name: &'static str, url: Option<&str>) -> Option<ComponentHealth> {
    let url = url?;
    Some(component(name, url, client::health(url).await))
}

fn component(name: &'static str, url: &str, answered: Result<Health, CallError>) -> ComponentHealth {
    let away = |detail: String| ComponentHealth {
        name,
        url: url.to_owned(),
        status: ComponentStatus::Away,
        latency_ms: None,
        version: None,
        detail,
    };
    match answered {
        Err(CallError::Unreachable { cause, .. }) => away(cause),
        Err(error) => away(error.to_string()),
        Ok(Health { latency, status, view }) => {
            let well = view.as_ref().map_or(status < 400, |view| view.status == Status::Ok && status < 400);
            let checks = view.iter().flat_map(|view| &view.checks);
            let checks: Vec<_> = checks.map(|(name, word)| format!("{name}: {word}")).collect();
            ComponentHealth {
                status: if well { ComponentStatus::Ok } else { ComponentStatus::Degraded },
                latency_ms: Some((latency.as_secs_f64() * 1e4).round() / 10.0),
                version: view.map(|view| view.version),
                detail: if checks.is_empty() { format!("answered {status}") } else { checks.join(", ") },
                ..away(String::new())
            }
        }
    }
}

fn exit(parts: &[ComponentHealth]) -> Exit {
    if parts.is_empty() || parts.iter().any(|part| part.status == ComponentStatus::Away) {
        Exit::Unavailable
    } else if parts.iter().any(|part| part.status == ComponentStatus::Degraded) {
        Exit::Negative
    } else {
        Exit::Done
    }
}

/// Parts, a line each.
pub(super) fn text(parts: &[ComponentHealth]) -> String {
    let rows = parts.iter().map(|part| {
        let latency = part.latency_ms.map_or_else(|| "-".into(), |ms| format!("{ms:.1} ms"));
        let version = part.version.clone().unwrap_or_else(|| "-".into());
        [part.name.into(), part.status.to_string(), latency, version, part.url.clone(), part.detail.clone()]
    });
    table(["PART", "STATUS", "LATENCY", "VERSION", "URL", "DETAIL"], rows)
}

impl std::fmt::Display for ComponentStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Ok => "ok",
            Self::Degraded => "degraded",
            Self::Away => "away",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use cortex_api::HealthView;
    use serde_json::json;

    use super::*;

    fn answered(status: u16, view: Option<Status>) -> ComponentHealth {
        let view = view.map(|status| HealthView {
            status,
            service: "gateway".into(),
            version: "0.1.0".into(),
            checks: BTreeMap::from([("store".into(), "ok".into())]),
        });
        component("origin", "http://a:1", Ok(Health { latency: Duration::from_micros(1250), status, view }))
    }

    #[test]
    fn a_part_is_well_only_if_it_says_so() {
        for (status, view, expected) in [
            (200, Some(Status::Ok), ComponentStatus::Ok),
            (200, Some(Status::Degraded), ComponentStatus::Degraded),
            (503, Some(Status::Degraded), ComponentStatus::Degraded),
            (200, None, ComponentStatus::Ok),
            (500, None, ComponentStatus::Degraded),
        ] {
            assert_eq!(answered(status, view).status, expected, "{status} {view:?}");
        }
    }

    #[test]
    fn what_does_not_answer_makes_it_unavailable() {
        let error = CallError::Unreachable { url: "http://a:1".into(), cause: "refused".into() };
        let away = component("edge", "http://a:1", Err(error));
        let (well, degraded) = (answered(200, None), answered(500, None));
        assert_eq!(exit(&[]), Exit::Unavailable);
        assert_eq!(exit(&[well.clone(), degraded.clone(), away]), Exit::Unavailable);
        assert_eq!(exit(&[well.clone(), degraded]), Exit::Negative);
        assert_eq!(exit(&[well]), Exit::Done);
    }

    #[test]
    fn the_document_keeps_its_shape() {
        let document = HealthReport { running: true, parts: vec![answered(200, Some(Status::Ok))] };
        assert_eq!(
            serde_json::to_value(document).unwrap(),
            json!({"running": true, "parts": [{"name": "origin", "url": "http://a:1", "status": "ok",
                "latency_ms": 1.3, "version": "0.1.0", "detail": "store: ok"}]})
        );
    }
}
