//! What a worker is called and how much it may do.

use std::collections::BTreeMap;
use std::time::Duration;

use cortex_domain::id::WorkerId;

/// What a worker is told when it starts.
#[derive(Clone, Debug)]
pub struct Settings {
    pub id: WorkerId,
    /// Runs at a time; `None` for what the engine does well.
    pub capacity: Option<u32>,
    /// How long runs may go on once the worker is to stop.
    pub grace: Duration,
    /// The longest answer, in bytes.
    pub answer: usize,
    pub region: Option<String>,
    pub labels: BTreeMap<String, String>,
}
