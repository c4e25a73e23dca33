//! Starts and stops the scheduler.

use std::fmt;
use std::sync::Arc;

use cortex_domain::ports::{Bus, BusError, SafetyGate, Store};
use cortex_platform::clock::Clock;
use cortex_platform::metrics::Registry;

use crate::driver::Driver;
use crate::settings::Settings;

/// What the scheduler works with.
pub struct Parts {
    pub store: Arc<dyn Store>,
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
#[derive(Debug)]
pub struct Scheduler(Arc<Driver>);

impl Scheduler {
    /// Listens on the bus and resumes the open jobs of the store.
    ///
    /// # Errors
    /// Returns an error if the bus can't be used.
    pub async fn start(parts: Parts) -> Result<Self, BusError> {
        let Parts { store, bus, gate, clock, settings } = parts;
        let driver = Driver::new(store, bus, gate, clock, &settings);
        driver.run().await?;
        Ok(Self(driver))
    }

    /// Adds the scheduler's metrics to those of the process.
    pub fn register(&self, registry: &Registry) {
        self.0.register(registry);
    }

    /// Ends every task and rejects the open calls. Durable jobs in flight stay with their workers,
    /// and the next start resumes them.
    pub async fn stop(self) {
        self.0.stop().await;
    }
}
