//! Writes the notes of the core to the log.

use cortex_domain::id::WorkerId;
use cortex_domain::state::FailureKind;

use crate::core::Note;

pub(super) fn write(note: &Note) {
    let named = |worker: &Option<WorkerId>| worker.as_ref().map(ToString::to_string);
    match note {
        Note::Lapsed { job, worker, kind: FailureKind::Overran } => {
            tracing::info!(%job, %worker, "a run exceeded its topic's time limit");
        }
        Note::Lapsed { job, worker, .. } => {
            tracing::info!(%job, %worker, "a worker stopped sending heartbeats")
        }
        Note::Stale { job, worker, event } => {
            tracing::debug!(%job, worker = named(worker), event, "a stale report was ignored");
        }
        Note::Orphan { job, worker } => {
            tracing::info!(%job, %worker, "a worker runs a job under an ended lease; the scheduler tells it to stop");
        }
        Note::TooManyReports { job, worker } => {
            tracing::warn!(%job, worker = named(worker), "too many reports are waiting; one was dropped");
        }
        Note::Unplaced { job } => tracing::error!(%job, "a cleared job could not be placed on a worker"),
        Note::NotPlaced { job, worker } => {
            tracing::warn!(%job, %worker, "the store rejected a placement; the scheduler reads the job again");
        }
    }
}
