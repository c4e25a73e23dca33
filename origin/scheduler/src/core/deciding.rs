//! The part of the safety kernel. A job waits for a free request, the kernel decides about it, and
//! then the job is queued, denied or held.

use std::time::Duration;

use cortex_domain::audit::AuditEvent;
use cortex_domain::call::CallRefusal;
use cortex_domain::event::Event;
use cortex_domain::flow::Accepted;
use cortex_domain::id::JobId;
use cortex_domain::policy::{Decision, Gate, PolicyRequest, clear};
use cortex_domain::state::{Denial, Hold};
use cortex_domain::time::Timestamp;

use super::action::Action;
use super::state::{State, StepContext};
use super::tracked::{AskId, Asker, JobKind, Phase, Slot, Tracked};
use super::waiting::QueuedJob;

/// How long to wait before the kernel is asked again about a job. It is also the shortest time that
/// the kernel can throttle a job.
const RECHECK_DELAY: Duration = Duration::from_secs(1);
/// How long a call waits for a free request to the safety kernel.
const CALL_DECISION_TIMEOUT: Duration = Duration::from_secs(2);

impl<R> State<R> {
    /// Lets a job wait until the safety kernel can be asked about it.
    pub(super) fn await_decision(
        &mut self,
        id: JobId,
        mut tracked: Tracked<R>,
        accepted: Accepted,
        step: &mut StepContext<'_, '_, R>,
    ) {
        let Ok(given_up) = self.waiting.take_place(accepted.job()) else {
            // The reconciler submits the job again once its tenant has room.
            self.untrack(id, tracked);
            return;
        };
        self.waiting.push_undecided(accepted, step.now.awake);
        tracked.phase = Phase::Undecided;
        self.track(id, tracked);
        if let Some(given_up) = given_up {
            self.give_up(given_up);
        }
    }

    /// Drops a job that has lost its place in the queue. A delayed job is not tracked.
    fn give_up(&mut self, id: JobId) {
        let Some(tracked) = self.jobs.remove(&id) else { return };
        if matches!(tracked.phase, Phase::Queued | Phase::Undecided) {
            self.untrack(id, tracked);
        } else {
            self.track(id, tracked);
        }
    }

    /// Asks the safety kernel about the jobs that are next, as long as requests are free.
    pub(super) fn ask_next(&mut self, step: &mut StepContext<'_, '_, R>) {
        for asker in [Asker::Call, Asker::Job] {
            while self.asks.has_room(asker) {
                let Some(accepted) = self.waiting.next_undecided(asker) else { break };
                let id = accepted.job().id();
                match self.jobs.remove(&id) {
                    Some(tracked) => self.ask(id, tracked, accepted, None, step),
                    None => self.waiting.free_place(id),
                }
            }
        }
    }

    /// Asks the safety kernel about a job. The caller has checked that a request is free.
    pub(super) fn ask(
        &mut self,
        id: JobId,
        mut tracked: Tracked<R>,
        accepted: Accepted,
        slot: Option<Slot>,
        step: &mut StepContext<'_, '_, R>,
    ) {
        let ask = self.asks.open(Asker::of(accepted.job()));
        step.actions.push(Action::Ask { ask, request: Box::new(PolicyRequest::about(accepted.job())) });
        tracked.phase = Phase::Deciding { accepted: Box::new(accepted), ask, slot };
        self.track(id, tracked);
    }

    /// Rejects the calls that have waited too long for a free request.
    pub(super) fn refuse_late_calls(&mut self, step: &mut StepContext<'_, '_, R>) {
        for id in self.waiting.late_calls(CALL_DECISION_TIMEOUT, step.now.awake) {
            if let (Some(job), Some(tracked)) = (self.waiting.withdraw(id), self.jobs.remove(&id)) {
                self.refuse(id, tracked, job, CallRefusal::Unjudged, step);
            }
        }
    }

    /// Handles a decision of the safety kernel. The answer to an earlier request changes nothing.
    pub(super) fn decided(
        &mut self,
        id: JobId,
        asked: AskId,
        decision: Result<Decision, ()>,
        step: &mut StepContext<'_, '_, R>,
    ) {
        self.asks.close(asked);
        // A job with an outdated clearance also waits for a free request.
        self.may_place = true;
        let Some(mut tracked) = self.jobs.remove(&id) else { return };
        let (accepted, slot) = match tracked.phase {
            Phase::Deciding { accepted, slot, ask } if ask == asked => (*accepted, slot),
            _ => return self.track(id, tracked),
        };
        tracked.phase = Phase::Queued;
        let Ok(decision) = decision else { return self.decision_failed(id, tracked, accepted, slot, step) };
        let entry = AuditEvent::of_decision(accepted.job(), &decision, step.now.wall);
        tracked.audit.push(entry);
        let (accepted, event) = match clear(accepted, decision) {
            Gate::Passed(cleared) => {
                let queued = QueuedJob { cleared, since: step.now.awake };
                return match slot {
                    Some(slot) => self.place(id, tracked, queued, slot, step),
                    None => self.queue(id, tracked, queued, step),
                };
            }
            Gate::Denied(accepted, denial) => (accepted, Event::Denied { denial }),
            Gate::Held(accepted, hold) => match tracked.kind {
                JobKind::Durable => {
                    (accepted, Event::Held { hold: at_least_recheck_delay(hold, step.now.wall) })
                }
                JobKind::Call(_) => (accepted, Event::Denied { denial: denial_of_call(&hold) }),
            },
        };
        self.release_slot(slot);
        self.waiting.free_place(id);
        self.apply_event(id, tracked, accepted.into_job(), event, step);
    }

    fn decision_failed(
        &mut self,
        id: JobId,
        tracked: Tracked<R>,
        accepted: Accepted,
        slot: Option<Slot>,
        step: &mut StepContext<'_, '_, R>,
    ) {
        self.release_slot(slot);
        self.waiting.free_place(id);
        match tracked.kind {
            JobKind::Call(_) => self.refuse(id, tracked, accepted.into_job(), CallRefusal::Unjudged, step),
            JobKind::Durable => {
                self.waiting.delay(accepted.job(), step.now.wall.after(RECHECK_DELAY));
                self.untrack(id, tracked);
            }
        }
    }

    fn queue(
        &mut self,
        id: JobId,
        tracked: Tracked<R>,
        queued: QueuedJob,
        step: &mut StepContext<'_, '_, R>,
    ) {
        let job = queued.cleared.job();
        if let Some(route) = self.catalogue.route(job.topic()) {
            self.waiting.push(queued, &route.pool);
            return self.track(id, tracked);
        }
        // A topic without a pool waits in the store for the next start.
        self.waiting.free_place(id);
        match tracked.kind {
            JobKind::Call(_) => {
                self.refuse(id, tracked, queued.cleared.into_job(), CallRefusal::Overloaded, step)
            }
            JobKind::Durable => {
                self.untrack(id, tracked);
            }
        }
    }
}

/// Extends a hold that has already ended. Otherwise the job would be released and held again in a
/// loop.
fn at_least_recheck_delay(hold: Hold, now: Timestamp) -> Hold {
    match hold {
        Hold::Throttled { until } => Hold::Throttled { until: until.max(now.after(RECHECK_DELAY)) },
        hold => hold,
    }
}

/// Returns the denial of a call that the kernel would hold. A call can't wait for a person or for
/// another day.
fn denial_of_call(hold: &Hold) -> Denial {
    let reason = match hold {
        Hold::Approval { .. } => "a person must approve this request; submit it as a job instead of a call",
        _ => "the safety kernel throttles this tenant; submit it as a job, or try again later",
    };
    Denial { rule: hold.name().into(), reason: reason.into() }
}
