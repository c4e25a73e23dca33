//! `GET /api/v1/workers`.

use cortex_domain::id::{Pool, WorkerId};
use serde::{Deserialize, Serialize};

/// A worker, as its last heartbeat had it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WorkerView {
    #[serde(with = "crate::text")]
    #[cfg_attr(feature = "schema", schemars(with = "WorkerId"))]
    pub id: WorkerId,
    pub kind: String,
    #[serde(with = "crate::text")]
    #[cfg_attr(feature = "schema", schemars(with = "Pool"))]
    pub pool: Pool,
    /// Patterns of the topics that it takes.
    pub topics: Vec<String>,
    /// Jobs it can hold at once.
    pub capacity: u32,
    pub in_flight: u32,
    pub draining: bool,
    /// The models that it has loaded.
    pub models: Vec<String>,
    pub pid: u32,
    /// Resident memory, in bytes.
    pub resident: u64,
    /// What its models may still take, in bytes, on the card or machine they lie on; 0 if that is not known.
    #[serde(default)]
    pub memory_free: u64,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WorkerPage {
    pub workers: Vec<WorkerView>,
}
