//! What a worker reports about itself.

use std::collections::BTreeMap;

use crate::id::{JobId, ModelName, Pool, WorkerId};
use crate::state::Lease;
use crate::topic::TopicPattern;

/// A heartbeat. A worker sends one every few seconds to show that it is alive and to renew the
/// leases it lists.
#[derive(Clone, PartialEq, Debug)]
pub struct Heartbeat {
    pub worker: WorkerId,
    /// The kind of work, e.g. `echo` or `embed`.
    pub kind: String,
    pub pool: Pool,
    pub topics: Vec<TopicPattern>,
    /// Maximum number of jobs at the same time.
    pub capacity: u32,
    pub held: Vec<HeldLease>,
    /// The worker finishes its jobs and accepts no more.
    pub draining: bool,
    pub models: Vec<ModelName>,
    pub adapters: Vec<String>,
    pub gpu: Option<Gpu>,
    /// Counts of finished runs that took under 1, 2, 4, ... ms. The last one counts all longer
    /// runs.
    pub latency: Vec<u64>,
    pub region: Option<String>,
    pub labels: BTreeMap<String, String>,
    pub pid: u32,
    /// Resident memory, in bytes.
    pub resident: u64,
    /// Free memory for models, in bytes, on the card or machine where they are loaded. 0 if
    /// unknown.
    pub memory_free: u64,
}

impl Heartbeat {
    /// Creates a heartbeat of an idle worker without optional details.
    #[must_use]
    pub fn new(worker: WorkerId, kind: &str, pool: Pool, topics: Vec<TopicPattern>, capacity: u32) -> Self {
        Self {
            worker,
            kind: kind.to_owned(),
            pool,
            topics,
            capacity,
            held: Vec::new(),
            draining: false,
            models: Vec::new(),
            adapters: Vec::new(),
            gpu: None,
            latency: Vec::new(),
            region: None,
            labels: BTreeMap::new(),
            pid: 0,
            resident: 0,
            memory_free: 0,
        }
    }
}

/// A lease that a worker holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct HeldLease {
    pub job: JobId,
    pub lease: Lease,
}

/// How busy a worker's accelerator is.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Gpu {
    /// From 0 to 1.
    pub utilisation: f64,
    /// In bytes.
    pub memory_used: u64,
    /// In bytes.
    pub memory_total: u64,
}
