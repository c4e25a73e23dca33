//! Synchronous calls: how they start, how they are answered, and how they become durable jobs.

use cortex_api::timeouts::CALL_LIFETIME_SLACK;
use cortex_domain::call::{CallRefusal, CallReply};
use cortex_domain::event::{Entry, Event};
use cortex_domain::flow::Accepted;
use cortex_domain::id::{JobId, Tenant};
use cortex_domain::job::{Durability, Job, Request};
use cortex_domain::state::{Attempt, Lease};
use cortex_domain::time::Uptime;
use cortex_domain::transition::{Change, first_entry};

use super::action::Action;
use super::in_flight::{abort, answer_of};
use super::input::PersistError;
use super::state::{State, StepContext};
use super::tracked::{Call, JobKind, PersistingCall, Phase, Report, Tracked, effects_of};

impl<R> State<R> {
    /// Starts a call.
    pub(super) fn called(&mut self, request: Request, reply: R, step: &mut StepContext<'_, '_, R>) {
        let (id, tenant) = (request.id, request.owner.tenant.clone());
        if self.terms.of(&tenant).is_none() {
            return reply_refused(reply, CallRefusal::Moved, step);
        }
        if self.jobs.contains_key(&id) {
            return reply_refused(reply, CallRefusal::Overloaded, step);
        }
        if self.calls.take(&tenant, 1).is_err() {
            return reply_refused(reply, CallRefusal::Crowded, step);
        }
        let deadline = request.limits.deadline;
        let accepted = Accepted::ephemeral(request, self.memory);
        let end = step.now.awake.after(accepted.job().request.limits.run + CALL_LIFETIME_SLACK);
        let call = Call { log: vec![first_entry(accepted.job())], reply, end, detached: false };
        self.calls_by_end.insert((end, id));
        let tracked = Tracked { kind: JobKind::Call(call), ..Tracked::durable(Phase::Queued) };
        let mut tracked = tracked.of_job(accepted.job());
        self.track_deadline(id, &mut tracked, deadline);
        self.await_decision(id, tracked, accepted, step);
    }

    /// Cancels the call of a caller that has disconnected. A durable job is not affected.
    pub(super) fn abandoned(&mut self, id: JobId, step: &mut StepContext<'_, '_, R>) {
        let is_call = self.jobs.get(&id).is_some_and(|tracked| matches!(tracked.kind, JobKind::Call(_)));
        if is_call {
            let event = Event::Cancelled { reason: "the caller disconnected".into() };
            self.report(id, Report::from_scheduler(event), step);
        }
    }

    /// Makes a call's job durable in its current state. From then on it is an ordinary durable job.
    pub(super) fn detached(&mut self, id: JobId, step: &mut StepContext<'_, '_, R>) {
        let Some(mut tracked) = self.jobs.remove(&id) else { return };
        let JobKind::Call(call) = &mut tracked.kind else { return self.track(id, tracked) };
        if matches!(tracked.phase, Phase::Recording { .. }) {
            // The call is about to be sent, and becomes durable after that.
            call.detached = true;
            return self.track(id, tracked);
        }
        let Tracked { kind, phase, audit, inbox, share, changed, deadline } = tracked;
        let JobKind::Call(Call { log, reply, end, .. }) = kind else { return };
        let Some((job, held)) = self.detach_job(id, phase) else { return };
        self.end_call(id, job.tenant(), end);
        let job = Job { durability: Durability::Durable, ..job };
        let history = Change::history(job.clone(), log.clone(), effects_of(audit));
        let history = Box::new(self.under_term(history));
        step.actions.push(Action::Persist { history });
        let phase = Phase::Persisting(Box::new(PersistingCall { job, held, log, reply }));
        self.track(
            id,
            Tracked { kind: JobKind::Durable, phase, audit: Vec::new(), inbox, share, changed, deadline },
        );
    }

    /// Removes a call's job from its phase, and returns it with its lease. A slot that was reserved
    /// for it is freed.
    pub(super) fn detach_job(&mut self, id: JobId, phase: Phase<R>) -> Option<(Job, Option<Lease>)> {
        match phase {
            Phase::Queued | Phase::Undecided => Some((self.waiting.withdraw(id)?, None)),
            Phase::Deciding { accepted, slot, .. } => {
                self.release_slot(slot);
                Some((accepted.into_job(), None))
            }
            Phase::Asleep { job } => {
                self.waiting.wake(id);
                Some((*job, None))
            }
            Phase::Recording { job, slot, .. } => {
                self.end_dispatch(slot.dispatch);
                Some((*job, None))
            }
            Phase::InFlight { job, lease } => Some((*job, Some(lease))),
            // A call is never in these phases.
            Phase::InStore { .. }
            | Phase::Loading { .. }
            | Phase::Placing { .. }
            | Phase::Saving { .. }
            | Phase::Persisting(_)
            | Phase::Retrying { .. }
            | Phase::Stalled { .. } => None,
        }
    }

    /// Handles the outcome of [`Action::Persist`].
    pub(super) fn persisted(
        &mut self,
        id: JobId,
        outcome: Result<(), PersistError>,
        step: &mut StepContext<'_, '_, R>,
    ) {
        let Some(mut tracked) = self.jobs.remove(&id) else { return };
        let Phase::Persisting(call) = tracked.phase else { return self.track(id, tracked) };
        tracked.phase = Phase::Queued;
        let refusal = match outcome {
            Ok(()) => {
                let PersistingCall { job, held, reply, .. } = *call;
                step.actions
                    .push(Action::Reply { reply, called: CallReply::Kept { job: Box::new(job.clone()) } });
                return self.resume(id, tracked, job, held, step);
            }
            Err(PersistError::Full) => CallRefusal::StorageFull,
            Err(PersistError::Failed) => CallRefusal::Internal,
        };
        self.untrack(id, tracked);
        self.not_persisted(*call, refusal, step);
    }

    /// Rejects a call that could not become durable, and records what ran.
    pub(super) fn not_persisted(
        &mut self,
        call: PersistingCall<R>,
        refusal: CallRefusal,
        step: &mut StepContext<'_, '_, R>,
    ) {
        let PersistingCall { job, held, log, reply } = call;
        self.release_lease(held);
        let job = Job { durability: Durability::Ephemeral, ..job };
        give_up(reply, job, log, refusal, step);
    }

    /// Answers a call that has ended. The driver records the job before it answers, so that the
    /// caller finds the job.
    pub(super) fn answer(
        &mut self,
        id: JobId,
        mut tracked: Tracked<R>,
        job: Job,
        held: Option<Lease>,
        step: &mut StepContext<'_, '_, R>,
    ) {
        let audit = std::mem::take(&mut tracked.audit);
        if let JobKind::Call(Call { log, reply, end, .. }) = self.untrack(id, tracked) {
            self.end_call(id, job.tenant(), end);
            let called = CallReply::Ended { job: Box::new(job.clone()), answer: answer_of(&job, held) };
            let history = self.under_term(Change::history(job, log, effects_of(audit)));
            let history = Box::new(history);
            step.actions.push(Action::Answer { reply, history, called });
        }
    }

    /// Rejects a call that can't continue.
    pub(super) fn refuse(
        &mut self,
        id: JobId,
        tracked: Tracked<R>,
        job: Job,
        refusal: CallRefusal,
        step: &mut StepContext<'_, '_, R>,
    ) {
        if let JobKind::Call(Call { reply, end, log, .. }) = self.untrack(id, tracked) {
            self.end_call(id, job.tenant(), end);
            give_up(reply, job, log, refusal, step);
        }
    }

    /// Rejects a call after its job was lost by a fault of the scheduler.
    pub(super) fn refuse_without_job(
        &mut self,
        id: JobId,
        tracked: Tracked<R>,
        tenant: &Tenant,
        step: &mut StepContext<'_, '_, R>,
    ) {
        if let JobKind::Call(Call { reply, end, .. }) = self.untrack(id, tracked) {
            self.end_call(id, tenant, end);
            reply_refused(reply, CallRefusal::Internal, step);
        }
    }

    /// Rejects every open call, and every call that is becoming durable. The scheduler does nothing
    /// else from now on, and workers finish what they run.
    pub(super) fn refuse_calls(&mut self, step: &mut StepContext<'_, '_, R>) {
        self.stopped = true;
        let open = self.jobs.iter().filter(|(_, tracked)| tracked.is_awaited());
        let open: Vec<JobId> = open.map(|(id, _)| *id).collect();
        for id in open {
            let Some(mut tracked) = self.jobs.remove(&id) else { continue };
            match std::mem::replace(&mut tracked.phase, Phase::Queued) {
                Phase::Persisting(call) => {
                    self.untrack(id, tracked);
                    self.not_persisted(*call, CallRefusal::Stopping, step);
                }
                phase => {
                    let Some((job, held)) = self.detach_job(id, phase) else { continue };
                    self.release_lease(held);
                    self.refuse(id, tracked, job, CallRefusal::Stopping, step);
                }
            }
        }
    }

    fn end_call(&mut self, id: JobId, tenant: &Tenant, end: Uptime) {
        self.calls.give(tenant, 1);
        self.calls_by_end.remove(&(end, id));
    }
}

fn reply_refused<R>(reply: R, refusal: CallRefusal, step: &mut StepContext<'_, '_, R>) {
    step.actions.push(Action::Reply { reply, called: CallReply::Refused(refusal) });
}

/// Answers a caller with a rejection. If the call was placed before, the driver records its
/// history, because a worker may have run it.
fn give_up<R>(
    reply: R,
    job: Job,
    mut log: Vec<Entry>,
    refusal: CallRefusal,
    step: &mut StepContext<'_, '_, R>,
) {
    let called = CallReply::Refused(refusal);
    let reason = format!("the scheduler abandoned the call: {refusal}");
    let was_placed = job.attempt > Attempt(0);
    match Change::of(job).then(Event::Cancelled { reason }, step.now.wall) {
        Ok(change) if was_placed => {
            log.extend_from_slice(change.entries());
            let aborts = change.effects().iter().filter_map(abort);
            step.actions.extend(aborts.map(|cancel| Action::Abort { cancel }));
            let history = Box::new(Change::history(change.into_job(), log, Vec::new()));
            step.actions.push(Action::Answer { reply, history, called });
        }
        _ => step.actions.push(Action::Reply { reply, called }),
    }
}
