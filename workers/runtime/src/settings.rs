//! A worker's id and limits.

use std::collections::BTreeMap;
use std::time::Duration;

use cortex_domain::id::WorkerId;

/// The settings of a worker.
#[derive(Clone, Debug)]
pub struct Settings {
    pub id: WorkerId,
    /// How many jobs run at a time. `None` uses the engine's own number.
    pub capacity: Option<u32>,
    /// How long runs may continue once the worker shuts down.
    pub grace: Duration,
    /// The longest answer, in bytes.
    pub answer: usize,
    pub region: Option<String>,
    pub labels: BTreeMap<String, String>,
}
