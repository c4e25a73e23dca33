//! A job as the ledger receives it, and as it shows it.

use std::collections::BTreeMap;

use cortex_api::JobView;
use cortex_domain::id::JobId;
use cortex_domain::time::Timestamp;
use cortex_domain::topic::Topic;
use serde::{Deserialize, Serialize};

/// A new job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct NewJob {
    #[serde(with = "cortex_api::text")]
    pub(crate) id: JobId,
    pub(crate) facts: Facts,
    #[serde(with = "cortex_api::rfc3339")]
    pub(crate) created: Timestamp,
    pub(crate) idempotency: Option<Idempotency>,
    /// The envelope, encoded for the queue.
    pub(crate) message: String,
}

/// The constant and public data of a job.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Facts {
    #[serde(with = "cortex_api::text")]
    pub(crate) topic: Topic,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) max_attempts: Option<u32>,
    pub(crate) deadline_ms: Option<u64>,
    /// The size of the body in bytes, wherever it is stored.
    #[serde(default)]
    pub(crate) bytes: u64,
}

/// An idempotency key, and the fingerprint of its request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Idempotency {
    pub(crate) key: String,
    pub(crate) fingerprint: String,
}

/// A job in the ledger.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) view: JobView,
    /// The job's id at the origin, if it is there.
    #[serde(with = "cortex_api::text::option")]
    pub(crate) origin_id: Option<JobId>,
    pub(crate) hops: String,
}
