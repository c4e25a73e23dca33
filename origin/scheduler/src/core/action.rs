//! The actions that the core requests from the driver.

use cortex_domain::audit::AuditEvent;
use cortex_domain::call::CallReply;
use cortex_domain::flow::Assignment;
use cortex_domain::id::JobId;
use cortex_domain::policy::PolicyRequest;
use cortex_domain::share::Term;
use cortex_domain::state::Lease;
use cortex_domain::task::Cancel;
use cortex_domain::transition::Change;

use super::note::Note;
use super::tracked::AskId;

/// What the driver must do. Actions that wait for something run concurrently, so their order means
/// nothing. The outcomes of the first six come back as inputs.
#[derive(Debug)]
pub(crate) enum Action<R> {
    /// Reads a job from the store.
    Load { job: JobId },
    /// Asks the safety kernel whether a job may run.
    Ask { ask: AskId, request: Box<PolicyRequest> },
    /// Commits a change to the store.
    Commit { change: Box<Change> },
    /// Adds entries to the audit log about a call that was placed under a lease.
    Record { job: JobId, lease: Lease, entries: Vec<AuditEvent>, term: Option<Term> },
    /// Makes a call's job durable in its current state, with its history.
    Persist { history: Box<Change> },
    /// Offers a placed job to its worker.
    Send { assignment: Box<Assignment> },
    /// Tells a worker to stop.
    Abort { cancel: Cancel },
    /// Records a call that has ended, and answers its caller after that.
    Answer { reply: R, history: Box<Change>, called: CallReply },
    /// Answers a caller.
    Reply { reply: R, called: CallReply },
    /// What came about a job is another scheduler's to handle, so it must be delivered again.
    Leave,
    /// Writes to the log.
    Note(Note),
}

impl<R> Action<R> {
    /// Returns whether the action asks the safety kernel. The core limits how many of these are
    /// open.
    pub(crate) fn asks(&self) -> bool {
        matches!(self, Self::Ask { .. })
    }

    /// Returns whether the store performs the action.
    pub(crate) fn is_of_store(&self) -> bool {
        matches!(
            self,
            Self::Load { .. }
                | Self::Commit { .. }
                | Self::Record { .. }
                | Self::Persist { .. }
                | Self::Answer { .. }
        )
    }

    /// Returns whether the action answers a caller.
    pub(crate) fn answers(&self) -> bool {
        matches!(self, Self::Answer { .. } | Self::Reply { .. })
    }
}
