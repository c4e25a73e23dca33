//! `GET /api/v1/workers`: which workers are there, by their heartbeats.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use cortex_api::{Problem, WorkerPage, WorkerView};
use cortex_domain::ErrorCode;
use cortex_domain::id::WorkerId;
use cortex_domain::ports::{Bus, BusError};
use cortex_domain::subject::{Filter, Subject};
use cortex_domain::time::Uptime;
use cortex_domain::worker::Heartbeat;
use cortex_platform::clock::Clock;
use tokio_util::sync::CancellationToken;

use crate::door::Admitted;
use crate::gateway::Gateway;
use crate::refuse::Refused;

/// A worker not heard of for so long is not listed.
const GONE: Duration = Duration::from_secs(10);
/// Workers remembered at most.
const MOST: usize = 10_000;

/// A clone is the same list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Workers(Arc<Mutex<BTreeMap<WorkerId, (Uptime, Heartbeat)>>>);

impl Workers {
    /// Listens to heartbeats; the future runs until `stop`.
    pub(crate) async fn listen(
        self,
        bus: &dyn Bus,
        clock: Clock,
        stop: CancellationToken,
    ) -> Result<impl Future<Output = ()> + Send + 'static, BusError> {
        let mut beats = bus.subscribe(Filter::only(&Subject::HEARTBEAT), None).await?;
        Ok(async move {
            loop {
                let delivery = tokio::select! {
                    () = stop.cancelled() => return,
                    delivery = beats.next() => delivery,
                };
                let Some(delivery) = delivery else { return };
                if let Ok(heartbeat) = cortex_wire::decode_heartbeat(&delivery.body) {
                    self.note(heartbeat, clock.uptime());
                }
            }
        })
    }

    fn note(&self, heartbeat: Heartbeat, now: Uptime) {
        let mut workers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        workers.retain(|_, (seen, _)| now.since(*seen) <= GONE);
        if workers.len() < MOST || workers.contains_key(&heartbeat.worker) {
            workers.insert(heartbeat.worker.clone(), (now, heartbeat));
        }
    }

    /// Those that are there.
    pub(crate) fn present(&self, now: Uptime) -> Vec<Heartbeat> {
        let workers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let here = workers.values().filter(|(seen, _)| now.since(*seen) <= GONE);
        here.map(|(_, heartbeat)| heartbeat.clone()).collect()
    }
}

/// Lists the workers, for callers on this machine alone: tenants share them and should not see them.
pub(crate) async fn list(
    State(gateway): State<Gateway>,
    admitted: Admitted,
) -> Result<Json<WorkerPage>, Refused> {
    if admitted.signed {
        return Err(Problem::new(ErrorCode::NotFound, "there is no such path").into());
    }
    let now = gateway.inner.clock.uptime();
    let workers = gateway.inner.workers.present(now).into_iter().map(view).collect();
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
