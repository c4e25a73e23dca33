//! Writes the notes of the core to the log.

use cortex_domain::id::WorkerId;
use cortex_domain::state::FailureKind;

use super::Driver;
use crate::core::Note;

impl Driver {
    pub(super) fn write(&self, note: &Note) {
        let named = |worker: &Option<WorkerId>| worker.as_ref().map(ToString::to_string);
        let now = self.clock.uptime();
        match note {
            Note::Lapsed { job, worker, kind: FailureKind::Overran } => match self.overran.count(now) {
                Some(count) => {
                    tracing::info!(%job, %worker, count, "runs exceeded their topics' time limits");
                }
                None => tracing::debug!(%job, %worker, "a run exceeded its topic's time limit"),
            },
            Note::Lapsed { job, worker, .. } => match self.silent.count(now) {
                Some(count) => {
                    tracing::info!(%job, %worker, count, "jobs lost their workers, which sent no heartbeats");
                }
                None => tracing::debug!(%job, %worker, "a worker stopped sending heartbeats"),
            },
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

    /// Writes the numbers of what happened after the last lines about it.
    pub(super) fn write_rest(&self) {
        let now = self.clock.uptime();
        if let Some(count) = self.overran.rest(now) {
            tracing::info!(count, "more runs exceeded their topics' time limits");
        }
        if let Some(count) = self.silent.rest(now) {
            tracing::info!(count, "more jobs lost their workers, which sent no heartbeats");
        }
        if let Some(count) = self.unread.rest(now) {
            tracing::warn!(count, "more jobs could not be read; the scheduler tries again");
        }
        if let Some(count) = self.uncommitted.rest(now) {
            tracing::error!(count, "more changes of jobs could not be committed; the scheduler tries again");
        }
    }
}
