use cortex_domain::audit::AuditEvent;
use cortex_domain::call::CallReply;
use cortex_domain::flow::Assignment;
use cortex_domain::id::JobId;
use cortex_domain::policy::PolicyRequest;
use cortex_domain::state::Lease;
use cortex_domain::task::Cancel;
use cortex_domain::transition::Change;

use super::note::Note;
use super::tracked::AskId;

/// What is to be done. Those that wait for something go on side by side, so their order says nothing. The outcome of the first
/// six comes back as an input.
#[derive(Debug)]
pub(crate) enum Action<R> {
    /// Read a job from the store.
    Load { job: JobId },
    /// Ask the safety kernel whether a job may pass.
    Ask { ask: AskId, request: Box<PolicyRequest> },
    /// Commit a change to the store.
    Commit { change: Box<Change> },
    /// Add entries to the audit log about a call that was placed under a lease.
    Record { job: JobId, lease: Lease, entries: Vec<AuditEvent> },
    /// Make a call's job durable as it is, with its history.
    Persist { history: Box<Change> },
    /// Offer a placed job to its worker.
    Send { assignment: Box<Assignment> },
    /// Tell a worker to stop.
    Abort { cancel: Cancel },
    /// Record a call that has ended, and only then answer its caller.
    Answer { reply: R, history: Box<Change>, called: CallReply },
    /// Answer a caller.
    Reply { reply: R, called: CallReply },
    /// Write to the log.
    Note(Note),
}

impl<R> Action<R> {
    /// Whether it asks the safety kernel. The core bounds how many of these are under way.
    pub(crate) fn asks(&self) -> bool {
        matches!(self, Self::Ask { .. })
    }

    /// Whether the store does it.
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

    /// Whether it answers a caller.
    pub(crate) fn answers(&self) -> bool {
        matches!(self, Self::Answer { .. } | Self::Reply { .. })
    }
}
