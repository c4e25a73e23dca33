//! What the Worker and a ledger say to each other.

use std::collections::BTreeMap;

use cortex_guard::api::{Applied, JobView, StateLine};
use cortex_guard::keys::{Epoch, KeyRecord};
use serde::{Deserialize, Serialize};

use crate::deliver::Delivery;

/// The key a caller came with, for the ledger to say whether it still holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Credential {
    pub(crate) id: String,
    pub(crate) epoch: Epoch,
}

impl From<&KeyRecord> for Credential {
    fn from(record: &KeyRecord) -> Self {
        Self { id: record.id.to_string(), epoch: record.epoch }
    }
}

/// Which jobs are asked for; see [`cortex_guard::api::ListJobs`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Listing {
    pub(crate) state: Option<String>,
    pub(crate) topic: Option<String>,
    pub(crate) before: Option<String>,
    pub(crate) limit: usize,
    /// Also those that the origin has.
    pub(crate) all: bool,
}

/// A job to be committed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct NewJob {
    pub(crate) id: String,
    pub(crate) facts: Facts,
    pub(crate) created_ms: u64,
    pub(crate) idempotency: Option<Idempotency>,
    /// The envelope as it goes through the queue.
    pub(crate) message: String,
}

/// What of a job never changes and is shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Facts {
    pub(crate) topic: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) max_attempts: Option<u32>,
    pub(crate) deadline_ms: Option<u64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Idempotency {
    pub(crate) key: String,
    pub(crate) fingerprint: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Call {
    /// Does this key hold?
    Check {
        by: Credential,
    },
    Record {
        by: Credential,
        job: Box<NewJob>,
    },
    Look {
        by: Credential,
        job: String,
    },
    List {
        by: Credential,
        listing: Listing,
    },
    Cancel {
        by: Credential,
        job: String,
    },
    /// May I deliver this job now?
    Take {
        job: String,
    },
    Settle {
        job: String,
        delivery: Delivery,
    },
    /// The queue gave up on it.
    DeadLetter {
        job: String,
    },
    States {
        states: Vec<StateLine>,
    },
    PutKey {
        record: Box<KeyRecord>,
    },
    Keys,
    Revoke {
        id: String,
    },
    Nonce {
        nonce: String,
        signed_ms: u64,
    },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    Done,
    /// Not done, for the reason that the call implies: not taken, not there, not fresh.
    No,
    /// The key doesn't hold.
    Revoked,
    /// The ledger holds too many jobs that the origin hasn't taken.
    Full,
    /// The idempotency key stands for another request.
    Mismatch,
    /// The job was committed, or had been under the same idempotency key.
    Recorded {
        entry: Box<Entry>,
        new: bool,
    },
    Found {
        entry: Box<Entry>,
    },
    Jobs {
        jobs: Vec<JobView>,
    },
    Cancelled {
        entry: Box<Entry>,
    },
    Applied {
        applied: Applied,
    },
    Key {
        record: Box<KeyRecord>,
    },
    Keys {
        keys: Vec<(KeyRecord, bool)>,
    },
}

/// A job as the ledger knows it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) view: JobView,
    pub(crate) place: Place,
    /// The id under which the origin has it.
    pub(crate) origin_id: String,
    pub(crate) hops: String,
}

/// Who has a job.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Place {
    /// The ledger: it waits for its turn or for the origin.
    Waiting,
    /// It is on its way to the origin.
    Sending,
    /// The origin holds it.
    Origin,
    /// It ended before the origin took it.
    Ended,
}

impl Place {
    pub(crate) fn named(name: &str) -> Self {
        match name {
            "sending" => Self::Sending,
            "origin" => Self::Origin,
            "ended" => Self::Ended,
            _ => Self::Waiting,
        }
    }
}
