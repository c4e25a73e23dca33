//! What the Worker and a ledger say to each other.

use std::collections::BTreeMap;

use cortex_api::{Applied, JobView, StateLine};
use cortex_guard::keys::{Caller, KeyRecord, ShownKey};
use serde::{Deserialize, Serialize};

use super::bounds::Full;
use crate::deliver::Delivery;

/// Which jobs are asked for; see [`cortex_api::ListJobs`].
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
    /// How many bytes the body has, wherever it lies.
    #[serde(default)]
    pub(crate) bytes: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Idempotency {
    pub(crate) key: String,
    pub(crate) fingerprint: String,
}

/// What a caller asks for. The ledger says from its own record of the key who that is.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ask {
    /// Who calls?
    Check,
    Record {
        job: Box<NewJob>,
    },
    /// Which job does an idempotency key stand for? `job`, if it was not used before.
    Claim {
        idempotency: Idempotency,
        job: String,
    },
    Look {
        job: String,
    },
    List {
        listing: Listing,
    },
    Cancel {
        job: String,
    },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Call {
    /// In the name of whose key it is.
    Caller {
        key: ShownKey,
        ask: Ask,
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
    /// The origin was told of a revoked key.
    RevocationTold {
        id: String,
    },
    Nonce {
        nonce: String,
        signed_ms: u64,
    },
}

impl Call {
    /// Whether a ledger that was never used begins with it. Any other call leaves nothing behind there: who can name a
    /// tenant must not be able to make something of it.
    pub(crate) fn founds(&self) -> bool {
        matches!(self, Self::PutKey { .. } | Self::Nonce { .. })
    }

    /// The reply of a ledger that holds nothing.
    pub(crate) fn of_nothing(&self) -> Reply {
        match self {
            Self::Caller { .. } => Reply::Unknown,
            Self::DeadLetter { .. } | Self::Settle { .. } | Self::RevocationTold { .. } => Reply::Done,
            Self::Take { .. } | Self::Revoke { .. } | Self::PutKey { .. } | Self::Nonce { .. } => Reply::No,
            Self::States { .. } => Reply::Applied { applied: Applied::default() },
            Self::Keys => Reply::Keys { keys: Vec::new() },
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    Done,
    /// Not done, for the reason that the call implies: not taken, not there, not fresh.
    No,
    /// The key is none that holds here.
    Unknown,
    /// What a caller asked for, and who it is.
    Told {
        caller: Box<Caller>,
        reply: Box<Reply>,
    },
    /// The ledger holds as much as it may.
    Full(Full),
    /// The idempotency key stands for another request.
    Mismatch,
    /// The job was committed, or had been under the same idempotency key.
    Recorded {
        entry: Box<Entry>,
        new: bool,
    },
    /// The idempotency key stands for this job, which the ledger doesn't hold.
    Claimed {
        job: String,
    },
    /// The caller is to deliver this.
    Taken {
        message: String,
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
    /// The place that a stored name stands for; `None` for a name that none has.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "waiting" => Some(Self::Waiting),
            "sending" => Some(Self::Sending),
            "origin" => Some(Self::Origin),
            "ended" => Some(Self::Ended),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_place_is_no_place() {
        assert_eq!(Place::named("waiting"), Some(Place::Waiting));
        for bad in ["", "Waiting", "lost"] {
            assert_eq!(Place::named(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_signed_calls_begin_a_ledger_and_the_others_find_nothing_there() {
        let calls = [
            Call::Take { job: "j".into() },
            Call::DeadLetter { job: "j".into() },
            Call::States { states: vec![] },
            Call::Keys,
            Call::Revoke { id: "k".into() },
        ];
        for call in calls {
            assert!(!call.founds(), "{call:?}");
            assert!(!matches!(call.of_nothing(), Reply::Told { .. } | Reply::Key { .. }));
        }
        assert!(Call::Nonce { nonce: String::new(), signed_ms: 0 }.founds());
    }
}
