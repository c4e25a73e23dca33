//! A job as the ledger of its tenant knows it.

use cortex_api::problem::ErrorView;
use cortex_domain::id::JobId;
use cortex_domain::state::StateName;
use cortex_domain::time::Timestamp;

/// A job and where it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LedgerJob {
    pub id: JobId,
    /// When what callers are shown of it changed last.
    pub updated: Timestamp,
    pub place: LedgerPlace,
}

/// Who is responsible for a job. Each place carries what is true only there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LedgerPlace {
    /// The ledger holds it and sends it at `due`. A message of the queue may have it sent before that.
    Waiting {
        body: HeldBody,
        /// How many attempts found the origin away. An attempt to send another job may count for this one.
        failed: u32,
        due: Timestamp,
    },
    /// A sender has it. The ledger holds it too, and counts the attempt as lost when the lease lapses.
    Sending {
        body: HeldBody,
        failed: u32,
        /// When the lease lapses. A sender settles by the lease that it was given.
        lease: Timestamp,
    },
    /// The origin holds it durably, under this id.
    AtOrigin { origin_id: JobId, state: StateName, version: u64 },
    /// It ended before the origin took it.
    Ended(Ending),
}

/// The body of a job that the ledger holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HeldBody {
    pub bytes: u64,
    /// Whether it lies outside the ledger, since it is too large for a message of the queue.
    pub offloaded: bool,
}

/// How a job ended at the edge.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ending {
    /// Its caller cancelled it.
    Cancelled,
    /// The origin will never take it.
    Failed(ErrorView),
    /// The origin will never take it, because its policy forbids that.
    Denied(ErrorView),
}

impl LedgerJob {
    /// Returns the state that callers are shown.
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

    /// Returns the version of that state: the origin's, or one that rises when the job ends here.
    #[must_use]
    pub fn version(&self) -> u64 {
        match &self.place {
            LedgerPlace::Waiting { .. } | LedgerPlace::Sending { .. } => 0,
            LedgerPlace::AtOrigin { version, .. } => *version,
            LedgerPlace::Ended(_) => 1,
        }
    }

    /// Returns why it ended without a result at the edge.
    #[must_use]
    pub fn error(&self) -> Option<&ErrorView> {
        match &self.place {
            LedgerPlace::Ended(Ending::Failed(error) | Ending::Denied(error)) => Some(error),
            _ => None,
        }
    }

    /// Returns when the ledger sends it again, if it waits because the origin was away.
    #[must_use]
    pub fn held_until(&self) -> Option<Timestamp> {
        match &self.place {
            LedgerPlace::Waiting { failed: 1.., due, .. } => Some(*due),
            _ => None,
        }
    }

    /// Returns the id under which the origin has it.
    #[must_use]
    pub fn origin_id(&self) -> Option<JobId> {
        match &self.place {
            LedgerPlace::AtOrigin { origin_id, .. } => Some(*origin_id),
            _ => None,
        }
    }

    /// Returns the body, as long as the ledger holds it.
    #[must_use]
    pub fn body(&self) -> Option<HeldBody> {
        match &self.place {
            LedgerPlace::Waiting { body, .. } | LedgerPlace::Sending { body, .. } => Some(*body),
            LedgerPlace::AtOrigin { .. } | LedgerPlace::Ended(_) => None,
        }
    }

    /// Returns when the ledger looks at it again: when it is due, or when the lease of its sender lapses.
    #[must_use]
    pub fn due(&self) -> Option<Timestamp> {
        match &self.place {
            LedgerPlace::Waiting { due, .. } => Some(*due),
            LedgerPlace::Sending { lease, .. } => Some(*lease),
            LedgerPlace::AtOrigin { .. } | LedgerPlace::Ended(_) => None,
        }
    }
}
