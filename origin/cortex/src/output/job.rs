//! Jobs as text.

use cortex_api::JobView;
use cortex_domain::time::Timestamp;

use super::{Column, fields, table};

/// Returns every property of a job, then its result.
pub(crate) fn details(job: &JobView) -> String {
    let mut lines = vec![
        ("id", job.id.to_string()),
        ("topic", job.topic.to_string()),
        ("state", state(job)),
        ("attempt", attempt(job)),
        ("created", job.created_at.to_string()),
        ("updated", job.updated_at.to_string()),
    ];
    if let Some(deadline) = job.deadline {
        lines.push(("deadline", deadline.to_string()));
    }
    if !job.labels.is_empty() {
        let labels: Vec<_> = job.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        lines.push(("labels", labels.join(" ")));
    }
    with_result(job, lines)
}

/// Returns the id and state of a job, then its result.
pub(crate) fn summary(job: &JobView) -> String {
    with_result(job, vec![("id", job.id.to_string()), ("state", state(job))])
}

/// Returns a table of jobs.
pub(crate) fn list(jobs: &[JobView]) -> String {
    let rows = jobs.iter().map(|job| {
        let id = job.id.to_string();
        [
            id,
            job.topic.to_string(),
            state(job),
            attempt(job),
            seconds(job.created_at),
            seconds(job.updated_at),
        ]
    });
    let columns = [
        Column::fixed("ID"),
        Column::fixed("TOPIC"),
        Column::text("STATE"),
        Column::optional("ATTEMPT", 2),
        Column::optional("CREATED", 1),
        Column::optional("UPDATED", 3),
    ];
    table(columns, rows)
}

fn with_result(job: &JobView, mut lines: Vec<(&str, String)>) -> String {
    if let Some(error) = &job.error {
        let slug = error.r#type.rsplit(':').next().unwrap_or_default();
        lines.push(("error", format!("{slug}: {}", error.detail)));
    }
    let mut text = fields(lines);
    if let Some(result) = &job.result {
        text.push('\n');
        text.push_str(&super::escape_json(result.get()));
    }
    text
}

/// Returns the state, with the reason if the job is held back.
fn state(job: &JobView) -> String {
    match &job.hold {
        Some(hold) => match hold.until {
            Some(until) => format!("{} ({} until {until})", job.state, hold.kind),
            None => format!("{} ({})", job.state, hold.kind),
        },
        None => job.state.to_string(),
    }
}

fn attempt(job: &JobView) -> String {
    match job.max_attempts {
        Some(max) => format!("{}/{max}", job.attempt),
        None => job.attempt.to_string(),
    }
}

/// Returns a time without its fraction of a second.
fn seconds(at: Timestamp) -> String {
    let text = at.to_string();
    text.split_once('.').map_or_else(|| text.clone(), |(seconds, _)| format!("{seconds}Z"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn job(state: &str, more: &Value) -> JobView {
        let mut view = json!({"id": "019a9ff0-0000-7000-8000-000000000001", "topic": "job.echo",
            "state": state, "attempt": 1, "max_attempts": 3, "version": 4,
            "created_at": "2026-11-20T23:36:30.000Z", "updated_at": "2026-11-20T23:36:31.000Z"});
        for (name, value) in more.as_object().unwrap() {
            view[name] = value.clone();
        }
        serde_json::from_str(&view.to_string()).unwrap()
    }

    #[test]
    fn a_result_is_below_its_job() {
        let text = summary(&job("SUCCEEDED", &json!({"result": {"a": 1}})));
        assert_eq!(text, "id     019a9ff0-0000-7000-8000-000000000001\nstate  SUCCEEDED\n{\"a\":1}");
    }

    #[test]
    fn an_error_is_shown_with_its_slug() {
        let error = json!({"type": "urn:cortex:problem:denied", "title": "t", "detail": "not yours"});
        let text = summary(&job("DENIED", &json!({"error": error})));
        assert!(text.ends_with("error  denied: not yours"), "{text}");
    }

    #[test]
    fn a_held_job_shows_the_reason() {
        let hold = json!({"hold": {"kind": "not_before", "until": "2026-11-20T23:36:40Z"}});
        let text = details(&job("PENDING", &hold));
        assert!(text.contains("PENDING (not_before until 2026-11-20T23:36:40.000Z)"), "{text}");
        assert!(text.contains("1/3"));
    }

    #[test]
    fn an_empty_list_is_its_header() {
        assert_eq!(list(&[]), "ID  TOPIC  STATE  ATTEMPT  CREATED  UPDATED");
    }
}
