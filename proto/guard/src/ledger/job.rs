//! A job in the ledger of its tenant.

use cortex_api::problem::ErrorView;
use cortex_domain::id::JobId;
use cortex_domain::state::StateName;
use cortex_domain::time::Timestamp;

/// A job and its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LedgerJob {
    pub id: JobId,
    /// When the public state of the job changed last.
    pub updated: Timestamp,
    pub place: LedgerPlace,
}

/// The component that is responsible for a job. Each place carries the data that exists only there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LedgerPlace {
    /// The ledger holds the job and sends it at `due`. A message of the queue may cause an earlier
    /// attempt.
    Waiting {
        body: HeldBody,
        /// How many attempts found the origin unreachable. An attempt to send another job may count
        /// as well.
        failed: u32,
        due: Timestamp,
    },
    /// A sender has the job. The ledger still holds it, and counts the attempt as lost when the
    /// lease expires.
    Sending {
        body: HeldBody,
        failed: u32,
        /// When the lease expires. A sender settles the job under the lease that it received.
        lease: Timestamp,
    },
    /// The origin holds the job durably, under this id.
    AtOrigin { origin_id: JobId, state: StateName, version: u64 },
    /// The job ended before the origin accepted it.
    Ended(Ending),
}

/// The body of a job in the ledger.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HeldBody {
    pub bytes: u64,
    /// Whether the body lies outside the ledger, because it is too large for a message of the
    /// queue.
    pub offloaded: bool,
}

/// How a job ended at the edge.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ending {
    /// The caller cancelled it.
    Cancelled,
    /// The origin rejected it for good.
    Failed(ErrorView),
    /// The origin's policy denied it.
    Denied(ErrorView),
}

impl LedgerJob {
    /// Returns the public state.
    #[must_use]
    pub fn state(&self) -> StateName {
        match &self.place {
            LedgerPlace::Waiting { .. } | LedgerPlace::Sending { .. } => StateName::Pending,
            LedgerPlace::AtOrigin { state, .. } => *state,
            LedgerPlace::Ended(Ending::Cancelled) => StateName::Cancelled,
            LedgerPlace::Ended(Ending::Failed(_)) => StateName::Failed,
            LedgerPlace::Ended(Ending::Denied(_)) => StateName::Denied,
        }
    }

    /// Returns the version of that state: the origin's, or one that increases when the job ends at
    /// the edge.
    #[must_use]
    pub fn version(&self) -> u64 {
        match &self.place {
            LedgerPlace::Waiting { .. } | LedgerPlace::Sending { .. } => 0,
            LedgerPlace::AtOrigin { version, .. } => *version,
            LedgerPlace::Ended(_) => 1,
        }
    }

    /// Returns why the job ended without a result at the edge.
    #[must_use]
    pub fn error(&self) -> Option<&ErrorView> {
        match &self.place {
            LedgerPlace::Ended(Ending::Failed(error) | Ending::Denied(error)) => Some(error),
            _ => None,
        }
    }

    /// Returns when the ledger sends the job again, if it waits because the origin was unreachable.
    #[must_use]
    pub fn held_until(&self) -> Option<Timestamp> {
        match &self.place {
            LedgerPlace::Waiting { failed: 1.., due, .. } => Some(*due),
            _ => None,
        }
    }

    /// Returns the job's id at the origin.
    #[must_use]
    pub fn origin_id(&self) -> Option<JobId> {
        match &self.place {
            LedgerPlace::AtOrigin { origin_id, .. } => Some(*origin_id),
            _ => None,
        }
    }

    /// Returns the body while the ledger holds it.
    #[must_use]
    pub fn body(&self) -> Option<HeldBody> {
        match &self.place {
            LedgerPlace::Waiting { body, .. } | LedgerPlace::Sending { body, .. } => Some(*body),
            LedgerPlace::AtOrigin { .. } | LedgerPlace::Ended(_) => None,
        }
    }

    /// Returns when the ledger looks at the job again: when it is due, or when the lease of its
    /// sender expires.
    #[must_use]
    pub fn due(&self) -> Option<Timestamp> {
        match &self.place {
            LedgerPlace::Waiting { due, .. } => Some(*due),
            LedgerPlace::Sending { lease, .. } => Some(*lease),
            LedgerPlace::AtOrigin { .. } | LedgerPlace::Ended(_) => None,
        }
    }
}
