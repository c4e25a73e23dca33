//! The events of a job at the edge.

use cortex_api::problem::ErrorView;
use cortex_domain::id::JobId;
use cortex_domain::state::StateName;
use cortex_domain::time::Timestamp;

/// An event. A sender's report names the lease under which it sent the job.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LedgerEvent {
    /// A sender takes the job: the queue's consumer, or the ledger's alarm.
    Taken,
    /// The origin holds the job durably, under this id. The id differs from the ledger's if the
    /// idempotency key was used earlier in a call that did not pass the ledger. The event is valid
    /// under any lease, so it carries none.
    Accepted { origin_id: JobId },
    /// The origin rejected the job for good.
    Refused { lease: Timestamp, error: ErrorView, denied: bool },
    /// The origin did not accept the job. `random` spreads the time until the next attempt.
    OriginAway { lease: Timestamp, random: u8 },
    /// A sender did not try the job, because the origin was unreachable.
    GivenBack { lease: Timestamp, until: Timestamp },
    /// The origin was unreachable for another job.
    Delayed { until: Timestamp },
    /// The origin is reachable again.
    Woken,
    /// The caller cancels the job.
    Cancelled,
    /// The origin reports the job's state.
    StateReported { version: u64, state: StateName, at: Timestamp },
}
