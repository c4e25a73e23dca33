//! The connected workers, according to their heartbeats.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cortex_domain::id::WorkerId;
use cortex_domain::ports::{Bus, BusError};
use cortex_domain::subject::Filter;
use cortex_domain::time::Uptime;
use cortex_domain::worker::Heartbeat;
use cortex_platform::clock::Clock;
use tokio_util::sync::CancellationToken;

/// How long a worker may send no heartbeat before it is no longer listed.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum number of remembered workers.
const MAX_WORKERS: usize = 10_000;

/// The latest heartbeat of each worker. Clones share the list.
#[derive(Clone, Debug)]
pub(crate) struct Workers {
    heartbeats: Arc<Mutex<BTreeMap<WorkerId, (Uptime, Heartbeat)>>>,
    clock: Clock,
}

impl Workers {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { heartbeats: Arc::default(), clock }
    }

    /// Subscribes to heartbeats. The returned future runs until `stop`.
    pub(crate) async fn listen(
        self,
        bus: Arc<dyn Bus>,
        stop: CancellationToken,
    ) -> Result<impl Future<Output = ()> + Send + 'static, BusError> {
        let mut beats = bus.subscribe(Filter::HEARTBEATS).await?;
        Ok(async move {
            loop {
                let event = tokio::select! {
                    () = stop.cancelled() => return,
                    event = beats.next() => event,
                };
                let Some(event) = event else { return };
                match cortex_wire::receive_heartbeat(&event) {
                    Ok(heartbeat) => self.record(heartbeat, self.clock.uptime()),
                    Err(error) => bus.reject(event.subject.family(), error.rejection(), &error),
                }
            }
        })
    }

    fn record(&self, heartbeat: Heartbeat, now: Uptime) {
        let mut workers = self.heartbeats.lock().unwrap_or_else(PoisonError::into_inner);
        workers.retain(|_, (seen, _)| now.since(*seen) <= SILENCE_TIMEOUT);
        if workers.len() < MAX_WORKERS || workers.contains_key(&heartbeat.worker) {
            workers.insert(heartbeat.worker.clone(), (now, heartbeat));
        }
    }

    /// Returns the latest heartbeat of each connected worker.
    pub(crate) fn present(&self) -> Vec<Heartbeat> {
        let now = self.clock.uptime();
        let workers = self.heartbeats.lock().unwrap_or_else(PoisonError::into_inner);
        let here = workers.values().filter(|(seen, _)| now.since(*seen) <= SILENCE_TIMEOUT);
        here.map(|(_, heartbeat)| heartbeat.clone()).collect()
    }
}
