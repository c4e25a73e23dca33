//! What happens to a job at the edge.

use cortex_api::problem::ErrorView;
use cortex_domain::id::JobId;
use cortex_domain::state::StateName;
use cortex_domain::time::Timestamp;

/// An event. What a sender reports names the lease that it sent under.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LedgerEvent {
    /// A sender asks for the job: the queue's consumer, or the ledger's alarm.
    Taken,
    /// The origin holds it durably, under this id. It is another id than ours if its idempotency key had been used in a
    /// call that did not pass the ledger. It is true under any lease, so that it carries no lease.
    Accepted { origin_id: JobId },
    /// The origin will never take it.
    Refused { lease: Timestamp, error: ErrorView, denied: bool },
    /// No origin took it. `random` spreads the time until the next attempt.
    OriginAway { lease: Timestamp, random: u8 },
    /// A sender did not try it, because the origin turned out to be away.
    GivenBack { lease: Timestamp, until: Timestamp },
    /// The origin turned out to be away when another job was sent.
    Delayed { until: Timestamp },
    /// The origin turned out to be there.
    Woken,
    /// Its caller cancels it.
    Cancelled,
    /// The origin reports where it is.
    StateReported { version: u64, state: StateName, at: Timestamp },
}
