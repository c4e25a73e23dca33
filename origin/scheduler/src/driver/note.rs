//! What the core has an operator know of, as lines of the log.

use cortex_domain::id::WorkerId;
use cortex_domain::state::FailureKind;

use crate::core::Note;

pub(super) fn write(note: &Note) {
    let named = |worker: &Option<WorkerId>| worker.as_ref().map(ToString::to_string);
    match note {
        Note::Lapsed { job, worker, kind: FailureKind::Overran } => {
            tracing::info!(%job, %worker, "a run took longer than its topic may");
        }
        Note::Lapsed { job, worker, .. } => tracing::info!(%job, %worker, "a worker fell silent"),
        Note::Stale { job, worker, event } => {
            tracing::debug!(%job, worker = named(worker), event, "a report was not applied");
        }
        Note::Orphan { job, worker } => {
            tracing::info!(%job, %worker, "a worker that runs a job under a lease that has ended is told to stop");
        }
        Note::TooManyReports { job, worker } => {
            tracing::warn!(%job, worker = named(worker), "too many reports wait, and one was dropped");
        }
        Note::Unplaced { job } => tracing::error!(%job, "a cleared job could not be placed"),
        Note::NotPlaced { job, worker } => {
            tracing::warn!(%job, %worker, "a placing was not committed; the job is read again");
        }
    }
}
