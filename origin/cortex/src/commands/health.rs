//! `cortex health`.

use cortex_api::Status;
use cortex_client::{self as client, CallError, Health};
use cortex_node::Home;
use serde::Serialize;

use crate::exit::{Exit, Failure};
use crate::output::{self, Column, table};
use crate::running::Running;
use crate::target;

/// The output of `cortex health --json`.
#[derive(Debug, Serialize)]
struct HealthReport {
    /// Whether CortexOS runs on this machine.
    running: bool,
    parts: Vec<ComponentHealth>,
}

/// The health of one component.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct ComponentHealth {
    /// `edge`, `origin`, `host` or `chat host`.
    pub(super) name: &'static str,
    pub(super) url: String,
    pub(super) status: ComponentStatus,
    /// Milliseconds until the response.
    pub(super) latency_ms: Option<f64>,
    pub(super) version: Option<String>,
    /// The checks of the component with their results, or the reason why it can't be reached.
    pub(super) detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ComponentStatus {
    Ok,
    /// It responds, but a check failed.
    Degraded,
    /// It can't be reached.
    Away,
}

/// Checks every component that should run.
///
/// # Errors
/// Returns an error if CortexOS is not running, or if the output can't be written.
pub(crate) async fn run(home: &Home, json: bool) -> Result<Exit, Failure> {
    let running = Running::read(home);
    let parts = match &running {
        Some(running) => check_components(running).await,
        None => Vec::new(),
    };
    let exit = exit(&parts);
    if json {
        output::print_json(&HealthReport { running: running.is_some(), parts })?;
    } else if running.is_some() {
        output::print(&text(&parts))?;
    }
    if running.is_none() {
        return Err(target::not_running());
    }
    Ok(exit)
}

/// Checks all components at once.
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

fn component(name: &'static str, url: &str, response: Result<Health, CallError>) -> ComponentHealth {
    let unreachable = |detail: String| ComponentHealth {
        name,
        url: url.to_owned(),
        status: ComponentStatus::Away,
        latency_ms: None,
        version: None,
        detail,
    };
    match response {
        Err(CallError::Unreachable { cause, .. }) => unreachable(cause),
        Err(error) => unreachable(error.to_string()),
        Ok(Health { latency, status, view }) => {
            let well = view.as_ref().map_or(status < 400, |view| view.status == Status::Ok && status < 400);
            let checks = view.iter().flat_map(|view| &view.checks);
            let checks: Vec<_> = checks.map(|(name, result)| format!("{name}: {result}")).collect();
            ComponentHealth {
                status: if well { ComponentStatus::Ok } else { ComponentStatus::Degraded },
                latency_ms: Some((latency.as_secs_f64() * 1e4).round() / 10.0),
                version: view.map(|view| view.version),
                detail: if checks.is_empty() { format!("HTTP {status}") } else { checks.join(", ") },
                ..unreachable(String::new())
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

/// Returns a table of the components.
pub(super) fn text(parts: &[ComponentHealth]) -> String {
    let rows = parts.iter().map(|part| {
        let latency = part.latency_ms.map_or_else(|| "-".into(), |ms| format!("{ms:.1} ms"));
        let version = part.version.clone().unwrap_or_else(|| "-".into());
        [part.name.into(), part.status.to_string(), latency, version, part.url.clone(), part.detail.clone()]
    });
    let columns = [
        Column::fixed("COMPONENT"),
        Column::fixed("STATUS"),
        Column::optional("LATENCY", 1),
        Column::optional("VERSION", 2),
        Column::fixed("URL"),
        Column::text("DETAIL"),
    ];
    table(columns, rows)
}

impl std::fmt::Display for ComponentStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Ok => "ok",
            Self::Degraded => "degraded",
            Self::Away => "unreachable",
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
    fn a_component_is_ok_only_if_it_reports_so() {
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
    fn a_component_that_does_not_respond_makes_the_exit_unavailable() {
        let error = CallError::Unreachable { url: "http://a:1".into(), cause: "refused".into() };
        let away = component("edge", "http://a:1", Err(error));
        let (well, degraded) = (answered(200, None), answered(500, None));
        assert_eq!(exit(&[]), Exit::Unavailable);
        assert_eq!(exit(&[well.clone(), degraded.clone(), away]), Exit::Unavailable);
        assert_eq!(exit(&[well.clone(), degraded]), Exit::Negative);
        assert_eq!(exit(&[well]), Exit::Done);
    }

    #[test]
    fn the_report_keeps_its_shape() {
        let document = HealthReport { running: true, parts: vec![answered(200, Some(Status::Ok))] };
        assert_eq!(
            serde_json::to_value(document).unwrap(),
            json!({"running": true, "parts": [{"name": "origin", "url": "http://a:1", "status": "ok",
                "latency_ms": 1.3, "version": "0.1.0", "detail": "store: ok"}]})
        );
    }
}
