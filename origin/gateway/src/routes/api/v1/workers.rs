//! `GET /api/v1/workers`.

use axum::Json;
use cortex_api::{Problem, WorkerPage, WorkerView};
use cortex_domain::worker::Heartbeat;

use crate::workers::Workers;

/// Lists the workers, for callers on this machine only. Tenants share the workers and should not
/// see them.
pub(crate) async fn list(workers: Workers) -> Result<Json<WorkerPage>, Problem> {
    let workers = workers.present().into_iter().map(view).collect();
    Ok(Json(WorkerPage { workers }))
}

fn view(heartbeat: Heartbeat) -> WorkerView {
    WorkerView {
        id: heartbeat.worker,
        kind: heartbeat.kind,
        pool: heartbeat.pool,
        topics: heartbeat.topics.iter().map(ToString::to_string).collect(),
        capacity: heartbeat.capacity,
        in_flight: u32::try_from(heartbeat.held.len()).unwrap_or(u32::MAX),
        draining: heartbeat.draining,
        models: heartbeat.models.iter().map(ToString::to_string).collect(),
        pid: heartbeat.pid,
        resident: heartbeat.resident,
        memory_free: heartbeat.memory_free,
    }
}
