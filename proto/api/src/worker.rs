//! `GET /api/v1/workers`.

use cortex_domain::id::{Pool, WorkerId};
use serde::{Deserialize, Serialize};

/// A worker, according to its last heartbeat.
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
    /// Patterns of its topics.
    pub topics: Vec<String>,
    /// Maximum number of jobs at the same time.
    pub capacity: u32,
    pub in_flight: u32,
    pub draining: bool,
    /// The loaded models.
    pub models: Vec<String>,
    pub pid: u32,
    /// Resident memory, in bytes.
    pub resident: u64,
    /// Free memory for models, in bytes, on the GPU or machine where they are loaded. 0 if unknown.
    #[serde(default)]
    pub memory_free: u64,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WorkerPage {
    pub workers: Vec<WorkerView>,
}
