//! Jobs and log entries in protobuf, with the same content as over HTTP.

use cortex_api::problem::ErrorView;
use cortex_api::{EventView, JobView};
use cortex_wire::v1;

pub(super) fn job(job: JobView) -> v1::JobView {
    v1::JobView {
        id: job.id.to_string(),
        topic: job.topic.to_string(),
        state: job.state.to_string(),
        attempt: job.attempt,
        version: job.version,
        created_at: job.created_at.as_millis(),
        updated_at: job.updated_at.as_millis(),
        result: job.result.map(|result| result.get().as_bytes().to_vec()).unwrap_or_default(),
        error: job.error.map(error).unwrap_or_default(),
        labels: job.labels,
        hold: job.hold.map(|hold| hold.kind).unwrap_or_default(),
        deadline: job.deadline.map(|deadline| deadline.as_millis()),
        max_attempts: job.max_attempts.unwrap_or_default(),
    }
}

pub(super) fn event(event: EventView) -> v1::JobEvent {
    v1::JobEvent {
        version: event.version,
        attempt: event.attempt,
        at: event.at.as_millis(),
        name: event.name,
        state: event.state.to_string(),
        detail: serde_json::to_vec(&event.detail).expect("JSON is JSON"),
    }
}

fn error(error: ErrorView) -> String {
    let slug = error.r#type.rsplit(':').next().unwrap_or_default();
    format!("{slug}: {}", error.detail)
}
