//! `cortex doctor`: checks what `cortex up` needs, and says what to do about each problem.

mod check;
mod clock;
mod disk;
mod home_folder;
mod models;
mod ports;
mod tools;

use cortex_node::Home;
use serde::Serialize;

use self::check::{Check, Outcome};
use crate::config::{self, Ports};
use crate::exit::{Exit, Failure};
use crate::output::{self, Column, table};
use crate::running::Running;

/// The output of `cortex doctor --json`.
#[derive(Debug, Serialize)]
struct DoctorReport {
    /// Whether all checks passed, if only with a warning.
    ok: bool,
    checks: Vec<Check>,
}

/// Checks everything that `cortex up` needs.
///
/// # Errors
/// Returns an error if an environment variable or the models file is invalid.
pub(crate) async fn run(home: &Home, json: bool) -> Result<Exit, Failure> {
    let (planned, model) = (Ports::from_env()?, config::embeddings_model()?);
    let running = Running::read(home);
    let catalogue = cortex_node::catalogue(config::models_file().as_deref())?;
    let tools = tools::checks();
    let (home, mut checks) = (home.clone(), Vec::new());
    let local = tokio::task::spawn_blocking(move || {
        let mut checks = ports::checks(planned, running.as_ref());
        checks.extend(home_folder::checks(&home));
        checks.extend(models::checks(&home, &catalogue, model.as_str()));
        checks.extend(disk::checks(&home));
        checks.push(clock::check());
        checks
    });
    let (tools, local) = tokio::join!(tools, local);
    checks.extend(tools);
    checks.extend(local?);
    let report = DoctorReport { ok: checks.iter().all(|check| check.outcome != Outcome::Fail), checks };
    if json {
        output::print_json(&report)?;
    } else {
        output::print(&text(&report.checks))?;
    }
    Ok(if report.ok { Exit::Done } else { Exit::Negative })
}

fn text(checks: &[Check]) -> String {
    let rows =
        checks.iter().map(|check| [check.name.clone(), check.outcome.to_string(), check.found.clone()]);
    let mut text = table([Column::fixed("CHECK"), Column::fixed("STATUS"), Column::text("FOUND")], rows);
    for check in checks {
        if let Some(hint) = &check.hint {
            text.push_str(&format!("\n\n{}: {hint}", check.name));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_report_keeps_its_shape() {
        let checks = vec![
            Check::ok("disk", "9 GiB free"),
            Check::fail("port 8080", "held by node (pid 3)", "stop it"),
        ];
        assert_eq!(
            serde_json::to_value(DoctorReport { ok: false, checks }).unwrap(),
            json!({"ok": false, "checks": [
                {"name": "disk", "outcome": "ok", "found": "9 GiB free", "hint": null},
                {"name": "port 8080", "outcome": "fail", "found": "held by node (pid 3)", "hint": "stop it"}]})
        );
    }

    #[test]
    fn the_hints_are_below_the_checks() {
        let checks = [Check::ok("clock", "fine"), Check::warn("disk", "1 GiB free", "make room")];
        assert_eq!(
            text(&checks),
            "CHECK  STATUS  FOUND\nclock  ok      fine\ndisk   warn    1 GiB free\n\ndisk: make room"
        );
    }
}
