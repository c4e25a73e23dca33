//! A job as it comes to the ledger, and as the ledger shows it.

use std::collections::BTreeMap;

use cortex_api::JobView;
use cortex_domain::id::JobId;
use cortex_domain::time::Timestamp;
use cortex_domain::topic::Topic;
use serde::{Deserialize, Serialize};

/// A job to be committed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct NewJob {
    #[serde(with = "cortex_api::text")]
    pub(crate) id: JobId,
    pub(crate) facts: Facts,
    #[serde(with = "cortex_api::rfc3339")]
    pub(crate) created: Timestamp,
    pub(crate) idempotency: Option<Idempotency>,
    /// The envelope as it goes through the queue.
    pub(crate) message: String,
}

/// What of a job never changes and is shown.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Facts {
    #[serde(with = "cortex_api::text")]
    pub(crate) topic: Topic,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) max_attempts: Option<u32>,
    pub(crate) deadline_ms: Option<u64>,
    /// How many bytes the body has, wherever it lies.
    #[serde(default)]
    pub(crate) bytes: u64,
}

/// An idempotency key, and a fingerprint of the request that came with it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Idempotency {
    pub(crate) key: String,
    pub(crate) fingerprint: String,
}

/// A job as the ledger knows it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) view: JobView,
    /// The id under which the origin has it, if it does.
    #[serde(with = "cortex_api::text::option")]
    pub(crate) origin_id: Option<JobId>,
    pub(crate) hops: String,
}
