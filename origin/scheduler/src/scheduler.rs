//! Starts and stops the scheduler's tasks.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use cortex_domain::call::Refusal;
use cortex_domain::ports::{Bus, BusError, Delivery, JobStore, SafetyGate};
use cortex_domain::subject::{Filter, Subject};
use cortex_platform::clock::Clock;
use futures::FutureExt as _;
use tokio::sync::Semaphore;

use crate::core::Core;
use crate::settings::Settings;
use crate::{call, recover, relay, report, retain, tick};

/// Messages of one subject worked on at once.
const AT_ONCE: usize = 256;
/// Schedulers share the work of a subject.
const GROUP: &str = "scheduler";

/// What the scheduler is made of.
pub struct Parts {
    pub store: Arc<dyn JobStore>,
    pub bus: Arc<dyn Bus>,
    pub gate: Arc<dyn SafetyGate>,
    pub clock: Clock,
    pub settings: Settings,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// A running scheduler.
pub struct Scheduler {
    core: Arc<Core>,
}

impl fmt::Debug for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scheduler").finish_non_exhaustive()
    }
}

impl Scheduler {
    /// Listens on the bus and takes up what the store holds.
    ///
    /// # Errors
    /// If the bus can't be listened on.
    pub async fn start(parts: Parts) -> Result<Self, BusError> {
        let Parts { store, bus, gate, clock, settings } = parts;
        let core = Arc::new(Core::new(store, bus, gate, clock, settings));
        listen(&core, Filter::only(&Subject::JOB_SUBMIT), report::submitted).await?;
        listen(&core, Filter::only(&Subject::JOB_CALL), report::called).await?;
        listen(&core, Filter::only(&Subject::JOB_KEEP), report::to_keep).await?;
        listen(&core, Filter::only(&Subject::JOB_HANGUP), report::hung_up).await?;
        listen(&core, Filter::only(&Subject::JOB_RESULT), report::ended).await?;
        listen(&core, Filter::only(&Subject::JOB_CANCEL), report::cancelled).await?;
        listen(&core, Filter::only(&Subject::HEARTBEAT), report::beat).await?;
        listen(&core, Filter::PROGRESS, report::progressed).await?;
        core.tasks.spawn(recover::run(core.clone()));
        core.tasks.spawn(retain::run(core.clone()));
        core.tasks.spawn(relay::run(core.clone()));
        core.tasks.spawn(tick::run(core.clone()));
        Ok(Self { core })
    }

    /// Ends every task and refuses the calls that are open. Durable jobs in flight stay with their workers, and
    /// are taken up at the next start.
    pub async fn stop(self) {
        self.core.stop.cancel();
        self.core.tasks.close();
        self.core.tasks.wait().await;
        call::refuse_all(&self.core, Refusal::Stopping).await;
    }
}

async fn listen<F, R>(core: &Arc<Core>, filter: Filter, handle: F) -> Result<(), BusError>
where
    F: Fn(Arc<Core>, Delivery) -> R + Send + Sync + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let mut subscription = core.bus.subscribe(filter, Some(GROUP)).await?;
    let core = core.clone();
    core.tasks.clone().spawn(async move {
        let room = Arc::new(Semaphore::new(AT_ONCE));
        loop {
            let Ok(permit) = room.clone().acquire_owned().await else { return };
            let delivery = tokio::select! {
                () = core.stop.cancelled() => return,
                delivery = subscription.next() => delivery,
            };
            let Some(delivery) = delivery else { return };
            let handled = handle(core.clone(), delivery);
            let mut handled = Box::pin(async move {
                handled.await;
                drop(permit);
            });
            // Most of them never wait, and need no task of their own.
            if handled.as_mut().now_or_never().is_none() {
                core.tasks.spawn(handled);
            }
        }
    });
    Ok(())
}
