//! Synchronous calls: how they come, how they are answered, and how they become durable jobs.

use cortex_api::timeouts::CALL_LIFETIME_SLACK;
use cortex_domain::call::{Called, Refusal};
use cortex_domain::event::Event;
use cortex_domain::flow::Accepted;
use cortex_domain::id::{JobId, Tenant};
use cortex_domain::job::{Durability, Job, Request};
use cortex_domain::state::Lease;
use cortex_domain::task::Cancel;
use cortex_domain::time::Uptime;
use cortex_domain::transition::{Change, first_entry};

use super::action::Action;
use super::flight::answer_of;
use super::input::NotKept;
use super::state::{State, Step};
use super::tracked::{Call, Kind, Phase, Report, Tracked};

impl<R> State<R> {
    /// Takes a call in.
    pub(super) fn called(&mut self, request: Request, reply: R, step: &mut Step<'_, '_, R>) {
        let (id, tenant) = (request.id, request.owner.tenant.clone());
        if self.jobs.contains_key(&id) {
            return refused(reply, Refusal::Overloaded, step);
        }
        if self.calls.take(&tenant, 1).is_err() {
            return refused(reply, Refusal::Crowded, step);
        }
        let deadline = request.limits.deadline;
        let accepted = Accepted::ephemeral(request, self.memory);
        let end = step.now.awake.after(accepted.job().request.limits.run + CALL_LIFETIME_SLACK);
        let call = Call { log: vec![first_entry(accepted.job())], reply, end };
        self.calls_by_end.insert((end, id));
        let mut tracked = Tracked { kind: Kind::Call(call), ..Tracked::durable(Phase::Queued) };
        self.watch(id, &mut tracked, deadline);
        self.judge(id, tracked, accepted, step);
    }

    /// The caller of a call has left. It means nothing for a durable job.
    pub(super) fn hung_up(&mut self, id: JobId, step: &mut Step<'_, '_, R>) {
        let is_call = self.jobs.get(&id).is_some_and(|tracked| matches!(tracked.kind, Kind::Call(_)));
        if is_call {
            let event = Event::Cancelled { reason: "the caller left".into() };
            self.report(id, Report::own(event), step);
        }
    }

    /// Makes a call's job durable as it is; from here on it is a job like any other.
    pub(super) fn detached(&mut self, id: JobId, step: &mut Step<'_, '_, R>) {
        let Some(Tracked { kind, phase, audit, inbox, changed, deadline }) = self.jobs.remove(&id) else {
            return;
        };
        let Kind::Call(call) = kind else {
            return self.hold(id, Tracked { kind, phase, audit, inbox, changed, deadline });
        };
        let (job, held) = match phase {
            Phase::Judging { accepted, slot, .. } => {
                self.release_slot(slot);
                (accepted.into_job(), None)
            }
            Phase::Asleep { job } => {
                self.waiting.wake(id);
                (*job, None)
            }
            Phase::InFlight { job, lease } => (*job, Some(lease)),
            Phase::Queued | Phase::Unjudged => match self.waiting.withdraw(id) {
                Some(job) => (job, None),
                None => return,
            },
            // A call is never in these phases.
            phase @ (Phase::Loading { .. }
            | Phase::Placing { .. }
            | Phase::Saving { .. }
            | Phase::Keeping { .. }
            | Phase::Retrying { .. }
            | Phase::Stalled { .. }) => {
                let kind = Kind::Call(call);
                return self.hold(id, Tracked { kind, phase, audit, inbox, changed, deadline });
            }
        };
        let Call { log, reply, end } = call;
        self.end_call(id, job.tenant(), end);
        let job = Box::new(Job { durability: Durability::Durable, ..job });
        let history = Box::new(Change::history((*job).clone(), log, audit));
        step.actions.push(Action::Keep { history });
        let phase = Phase::Keeping { job, held, reply };
        self.hold(id, Tracked { kind: Kind::Durable, phase, audit: Vec::new(), inbox, changed, deadline });
    }

    /// What came of making a call durable.
    pub(super) fn kept(&mut self, id: JobId, outcome: Result<(), NotKept>, step: &mut Step<'_, '_, R>) {
        let Some(mut tracked) = self.jobs.remove(&id) else { return };
        let Phase::Keeping { job, held, reply } = tracked.phase else { return self.hold(id, tracked) };
        tracked.phase = Phase::Queued;
        match outcome {
            Ok(()) => {
                step.actions.push(Action::Reply { reply, called: Called::Kept { job: job.clone() } });
                self.resume(id, tracked, *job, held, step);
            }
            Err(why) => {
                let refusal = match why {
                    NotKept::Full => Refusal::StorageFull,
                    NotKept::Failed => Refusal::Internal,
                };
                refused(reply, refusal, step);
                self.abandon(&job, held, step);
                self.let_go(id, tracked);
            }
        }
    }

    /// Takes a job from its worker that no one follows any more.
    fn abandon(&mut self, job: &Job, held: Option<Lease>, step: &mut Step<'_, '_, R>) {
        self.release(held);
        if let (Some(lease), Some(worker)) = (job.state.lease(), job.state.worker()) {
            let cancel = Cancel { job: job.id(), lease, worker: worker.clone() };
            step.actions.push(Action::Abort { cancel });
        }
    }

    /// Answers a call that has ended. It is recorded before, so that whoever has the answer finds the job.
    pub(super) fn answer(
        &mut self,
        id: JobId,
        mut tracked: Tracked<R>,
        job: Job,
        held: Option<Lease>,
        step: &mut Step<'_, '_, R>,
    ) {
        let audit = std::mem::take(&mut tracked.audit);
        if let Kind::Call(Call { log, reply, end }) = self.let_go(id, tracked) {
            self.end_call(id, job.tenant(), end);
            let answer = answer_of(&job, held);
            let history = Box::new(Change::history(job, log, audit));
            step.actions.push(Action::Answer { reply, history, answer });
        }
    }

    /// Refuses a call, of which nothing was run.
    pub(super) fn refuse(
        &mut self,
        id: JobId,
        tracked: Tracked<R>,
        tenant: &Tenant,
        refusal: Refusal,
        step: &mut Step<'_, '_, R>,
    ) {
        if let Kind::Call(Call { reply, end, .. }) = self.let_go(id, tracked) {
            self.end_call(id, tenant, end);
            refused(reply, refusal, step);
        }
    }

    /// Refuses every call that is open. What runs is left to its worker: nothing more is done here.
    pub(super) fn refuse_calls(&mut self, step: &mut Step<'_, '_, R>) {
        for (_, id) in std::mem::take(&mut self.calls_by_end) {
            let Some(tracked) = self.jobs.remove(&id) else { continue };
            self.waiting.withdraw(id);
            self.waiting.wake(id);
            if let Kind::Call(call) = self.let_go(id, tracked) {
                refused(call.reply, Refusal::Stopping, step);
            }
        }
    }

    fn end_call(&mut self, id: JobId, tenant: &Tenant, end: Uptime) {
        self.calls.give(tenant, 1);
        self.calls_by_end.remove(&(end, id));
    }
}

fn refused<R>(reply: R, refusal: Refusal, step: &mut Step<'_, '_, R>) {
    step.actions.push(Action::Reply { reply, called: Called::Refused(refusal) });
}
