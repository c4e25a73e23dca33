//! The shares of the tenants that this scheduler owns. It acts for no other tenant.

use cortex_domain::call::CallRefusal;
use cortex_domain::id::JobId;
use cortex_domain::job::{Durability, Job};
use cortex_domain::share::{Share, Terms};
use cortex_domain::state::Attempt;
use cortex_domain::transition::Change;

use super::state::{State, StepContext};
use super::tracked::{JobKind, Phase, Tracked};

impl<R> State<R> {
    /// Returns whether this scheduler owns a share.
    pub(crate) fn owns(&self, share: Share) -> bool {
        self.terms.get(share).is_some()
    }

    pub(super) fn owns_job(&self, job: &Job) -> bool {
        self.terms.of(job.tenant()).is_some()
    }

    /// Returns whether callers wait for calls of a share.
    pub(crate) fn has_calls(&self, share: Share) -> bool {
        self.jobs.values().any(|tracked| tracked.share == Some(share) && tracked.is_awaited())
    }

    /// Returns whether a caller waits for a job.
    pub(crate) fn has_call(&self, job: JobId) -> bool {
        self.jobs.get(&job).is_some_and(Tracked::is_awaited)
    }

    /// Takes new terms. Jobs of a share whose term is over are dropped: they are in the store, and
    /// its next owner reads them there. Their calls are rejected.
    pub(super) fn owned(&mut self, terms: Terms, step: &mut StepContext<'_, '_, R>) {
        let before = std::mem::replace(&mut self.terms, terms);
        let over: Vec<Share> = before
            .iter()
            .filter(|term| self.terms.get(term.share) != Some(*term))
            .map(|term| term.share)
            .collect();
        let lost = |tracked: &Tracked<R>| tracked.share.is_some_and(|share| over.contains(&share));
        let lost: Vec<JobId> = self.jobs.iter().filter(|(_, job)| lost(job)).map(|(id, _)| *id).collect();
        for id in lost {
            if let Some(tracked) = self.jobs.remove(&id) {
                self.drop_job(id, tracked, step);
            }
        }
        let jobs = &self.jobs;
        self.retries.retain(|(_, job)| jobs.contains_key(job));
    }

    /// Adds the term under which this scheduler makes a change.
    pub(super) fn under_term(&self, change: Change) -> Change {
        match self.terms.of(change.job().tenant()) {
            Some(term) => change.under(term),
            None => change,
        }
    }

    /// Drops a job that was removed from the tracked ones, because another scheduler owns its share.
    pub(super) fn drop_job(&mut self, id: JobId, mut tracked: Tracked<R>, step: &mut StepContext<'_, '_, R>) {
        let phase = std::mem::replace(&mut tracked.phase, Phase::Queued);
        if matches!(tracked.kind, JobKind::Call(_)) {
            if let Some((job, held)) = self.detach_job(id, phase) {
                self.release_lease(held);
                // A call that was placed may have run, so its caller must decide whether to repeat it.
                let refusal = match job.attempt {
                    Attempt(0) => CallRefusal::Moved,
                    _ => CallRefusal::Stopping,
                };
                self.refuse(id, tracked, job, refusal, step);
            }
            return;
        }
        match phase {
            Phase::Queued | Phase::Undecided => {
                self.waiting.withdraw(id);
            }
            Phase::Deciding { slot, .. } => {
                self.release_slot(slot);
                self.waiting.free_place(id);
            }
            Phase::Placing { slot, .. } | Phase::Stalled { slot } | Phase::Recording { slot, .. } => {
                self.end_dispatch(slot.dispatch);
            }
            Phase::Loading { held } | Phase::Saving { held, .. } | Phase::Retrying { held } => {
                self.release_lease(held);
            }
            Phase::InFlight { lease, .. } | Phase::InStore { lease, .. } => self.release_lease(Some(lease)),
            Phase::Asleep { .. } => self.waiting.wake(id),
            Phase::Persisting(call) => self.not_persisted(*call, CallRefusal::Stopping, step),
        }
        self.untrack(id, tracked);
    }
}

impl<R> Tracked<R> {
    /// Returns whether a caller waits for the job.
    pub(super) fn is_awaited(&self) -> bool {
        matches!((&self.kind, &self.phase), (JobKind::Call(_), _) | (_, Phase::Persisting(_)))
    }

    pub(super) fn of_job(mut self, job: &Job) -> Self {
        self.share = Some(Share::of(job.tenant()));
        self
    }
}

/// Returns whether a job that was read from the store is the scheduler's to handle.
pub(super) fn is_open(job: &Job) -> bool {
    job.durability == Durability::Durable && !job.state.is_terminal()
}
