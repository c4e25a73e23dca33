//! What every store derives from a job.

use cortex_domain::job::{Durability, Job};

/// What a job counts in addition to its payloads and its record: its log, its steps and its index
/// entries.
pub(crate) const JOB_OVERHEAD_BYTES: u64 = 1024;

/// Returns whether the job is durable and has not ended.
pub(crate) fn is_open(job: &Job) -> bool {
    job.durability == Durability::Durable && !job.state.is_terminal()
}
