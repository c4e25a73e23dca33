//! What a worker says of itself.

use std::collections::BTreeMap;

use crate::id::{JobId, ModelName, Pool, WorkerId};
use crate::state::Lease;
use crate::topic::TopicPattern;

/// Sent every few seconds: the worker is there, and renews the leases it lists.
#[derive(Clone, PartialEq, Debug)]
pub struct Heartbeat {
    pub worker: WorkerId,
    /// What kind of work it does, e.g. `echo` or `embed`.
    pub kind: String,
    pub pool: Pool,
    pub topics: Vec<TopicPattern>,
    /// Jobs it can hold at once.
    pub capacity: u32,
    pub held: Vec<HeldLease>,
    /// It finishes what it has and takes no more.
    pub draining: bool,
    pub models: Vec<ModelName>,
    pub adapters: Vec<String>,
    pub gpu: Option<Gpu>,
    /// Counts of finished runs that took under 1, 2, 4, ... ms; the last one: longer.
    pub latency: Vec<u64>,
    pub region: Option<String>,
    pub labels: BTreeMap<String, String>,
    pub pid: u32,
    /// Resident memory, in bytes.
    pub resident: u64,
    /// What its models may still take, in bytes, on the card or machine they lie on; 0 if that is not known.
    pub memory_free: u64,
}

impl Heartbeat {
    /// Of a worker that holds nothing and tells nothing more of itself.
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
    /// 0 to 1.
    pub utilisation: f64,
    /// In bytes.
    pub memory_used: u64,
    /// In bytes.
    pub memory_total: u64,
}
