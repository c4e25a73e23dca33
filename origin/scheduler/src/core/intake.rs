//! From the store, or from a caller, to the queue.

use std::time::Duration;

use cortex_domain::audit::AuditEvent;
use cortex_domain::call::Refusal;
use cortex_domain::event::Event;
use cortex_domain::flow::Accepted;
use cortex_domain::id::JobId;
use cortex_domain::job::{Durability, Job};
use cortex_domain::policy::{Decision, Gate, PolicyRequest, clear};
use cortex_domain::state::{Denial, Hold, State as JobState};
use cortex_domain::time::Timestamp;
use cortex_domain::transition::{Change, Effect};

use super::action::Action;
use super::state::{State, Step};
use super::tracked::{AskId, Kind, Phase, Slot, Tracked};
use super::waiting::Ticket;

/// How long to leave a job alone that could not be judged.
const REJUDGE_DELAY: Duration = Duration::from_secs(1);

impl<R> State<R> {
    /// Takes in a durable job, unless it is in hand. Whatever goes wrong, the job stays in the store and comes back.
    pub(super) fn submitted(&mut self, job: JobId, step: &mut Step<'_, '_, R>) {
        if !self.jobs.contains_key(&job) {
            self.load(job, Tracked::durable(Phase::Loading { held: None }), step);
        }
    }

    /// Takes in the durable jobs that are not in hand. What was read may have changed since, so each is read again.
    pub(super) fn open(&mut self, jobs: &[Job], step: &mut Step<'_, '_, R>) {
        for job in jobs {
            // Of a tenant that has its share of the queue, the others wait in the store.
            let may_wait = !matches!(job.state, JobState::Pending { .. }) || self.waiting.takes(job);
            if may_wait {
                self.submitted(job.id(), step);
            }
        }
    }

    /// Someone else has changed a job: it is read again where that matters now.
    pub(super) fn changed(&mut self, id: JobId, step: &mut Step<'_, '_, R>) {
        let Some(mut tracked) = self.jobs.remove(&id) else { return };
        match tracked.phase {
            Phase::InFlight { lease, .. } if matches!(tracked.kind, Kind::Durable) => {
                tracked.phase = Phase::Loading { held: Some(lease) };
                self.load(id, tracked, step);
            }
            _ => {
                tracked.changed = true;
                self.hold(id, tracked);
            }
        }
    }

    pub(super) fn load(&mut self, job: JobId, tracked: Tracked<R>, step: &mut Step<'_, '_, R>) {
        self.hold(job, tracked);
        step.actions.push(Action::Load { job });
    }

    pub(super) fn loaded(
        &mut self,
        id: JobId,
        found: Result<Option<Box<Job>>, ()>,
        step: &mut Step<'_, '_, R>,
    ) {
        let Some(mut tracked) = self.jobs.remove(&id) else { return };
        let Phase::Loading { held } = tracked.phase else { return self.hold(id, tracked) };
        tracked.changed = false;
        match found {
            Ok(Some(job)) if job.durability == Durability::Durable && !job.state.is_terminal() => {
                self.watch(id, &mut tracked, job.request.limits.deadline);
                self.resume(id, tracked, *job, held, step);
            }
            Ok(_) => {
                self.release(held);
                self.let_go(id, tracked);
            }
            // With a lease it stays in hand. Else the reconciler finds it again.
            Err(()) if held.is_some() || !tracked.inbox.is_empty() => {
                tracked.phase = Phase::Retrying { held };
                self.retry_later(id, tracked, step);
            }
            Err(()) => {
                self.let_go(id, tracked);
            }
        }
    }

    /// Takes a durable job to the safety kernel, if it waits for nothing else.
    pub(super) fn consider(
        &mut self,
        id: JobId,
        mut tracked: Tracked<R>,
        job: Job,
        step: &mut Step<'_, '_, R>,
    ) {
        let now = step.now.wall;
        if job.request.limits.deadline.is_some_and(|deadline| deadline <= now) {
            return self.decide(id, tracked, job, Event::Expired, step);
        }
        let comes_back = comes_back(&job.state);
        if let Some(at) = comes_back.filter(|at| *at > now) {
            self.waiting.later(&job, at);
            self.let_go(id, tracked);
            return;
        }
        // The reconciler brings it again once its tenant has room.
        if !self.waiting.takes(&job) {
            self.let_go(id, tracked);
            return;
        }
        if comes_back.is_some() {
            return self.decide(id, tracked, job, Event::Released, step);
        }
        match Accepted::recalled(job) {
            Ok(accepted) => self.judge(id, tracked, accepted, None, step),
            Err(_) => {
                tracked.inbox.clear();
                self.let_go(id, tracked);
            }
        }
    }

    /// Asks the safety kernel about a job.
    pub(super) fn judge(
        &mut self,
        id: JobId,
        mut tracked: Tracked<R>,
        accepted: Accepted,
        slot: Option<Slot>,
        step: &mut Step<'_, '_, R>,
    ) {
        let ask = self.next_ask();
        step.actions.push(Action::Ask { ask, request: Box::new(PolicyRequest::about(accepted.job())) });
        tracked.phase = Phase::Judging { accepted: Box::new(accepted), ask, slot };
        self.hold(id, tracked);
    }

    /// The safety kernel has decided. An answer to an earlier request changes nothing.
    pub(super) fn decided(
        &mut self,
        id: JobId,
        asked: AskId,
        decision: Result<Decision, ()>,
        step: &mut Step<'_, '_, R>,
    ) {
        if !self.awaits(id, asked) {
            return;
        }
        let Some(mut tracked) = self.jobs.remove(&id) else { return };
        let Phase::Judging { accepted, slot, .. } = tracked.phase else { return };
        tracked.phase = Phase::Queued;
        let accepted = *accepted;
        let Ok(decision) = decision else { return self.not_judged(id, tracked, accepted, slot, step) };
        let entry = AuditEvent::of_decision(accepted.job(), &decision, step.now.wall);
        tracked.audit.push(Effect::Audit(Box::new(entry)));
        match clear(accepted, decision) {
            Gate::Passed(cleared) => {
                let ticket = Ticket { cleared, since: step.now.awake };
                match slot {
                    Some(slot) => self.place(id, tracked, ticket, slot, step),
                    None => self.queue(id, tracked, ticket, step),
                }
            }
            Gate::Denied(accepted, denial) => {
                self.release_slot(slot);
                self.decide(id, tracked, accepted.into_job(), Event::Denied { denial }, step);
            }
            Gate::Held(accepted, hold) => {
                self.release_slot(slot);
                let event = match tracked.kind {
                    Kind::Durable => Event::Held { hold },
                    Kind::Call(_) => Event::Denied { denial: unwaited(&hold) },
                };
                self.decide(id, tracked, accepted.into_job(), event, step);
            }
        }
    }

    fn not_judged(
        &mut self,
        id: JobId,
        tracked: Tracked<R>,
        accepted: Accepted,
        slot: Option<Slot>,
        step: &mut Step<'_, '_, R>,
    ) {
        self.release_slot(slot);
        match tracked.kind {
            Kind::Call(_) => self.refuse(id, tracked, accepted.job().tenant(), Refusal::Unjudged, step),
            Kind::Durable => {
                self.waiting.later(accepted.job(), step.now.wall.after(REJUDGE_DELAY));
                self.let_go(id, tracked);
            }
        }
    }

    fn queue(&mut self, id: JobId, tracked: Tracked<R>, ticket: Ticket, step: &mut Step<'_, '_, R>) {
        let tenant = ticket.cleared.job().tenant().clone();
        // A topic that no pool does waits for the next start, in the store.
        let pool = self.catalogue.route(ticket.cleared.job().topic()).map(|route| route.pool.clone());
        let queued = pool.map(|pool| self.waiting.push(ticket, &pool));
        match (queued, &tracked.kind) {
            (Some(Ok(given_up)), _) => {
                self.hold(id, tracked);
                self.may_place = true;
                if let Some(given_up) = given_up
                    && let Some(tracked) = self.jobs.remove(&given_up)
                {
                    self.let_go(given_up, tracked);
                }
            }
            (_, Kind::Call(_)) => self.refuse(id, tracked, &tenant, Refusal::Overloaded, step),
            // The reconciler brings it again.
            (_, Kind::Durable) => {
                self.let_go(id, tracked);
            }
        }
    }

    /// Changes a job by what the scheduler itself decided.
    pub(super) fn decide(
        &mut self,
        id: JobId,
        tracked: Tracked<R>,
        job: Job,
        event: Event,
        step: &mut Step<'_, '_, R>,
    ) {
        match Change::of(job).then(event, step.now.wall) {
            Ok(change) => self.persist(id, tracked, change, None, Vec::new(), step),
            // It has ended, so that nothing is left to decide.
            Err(_) => {
                self.let_go(id, tracked);
            }
        }
    }
}

/// When a job that is pending comes back by itself, if it does.
pub(super) fn comes_back(state: &JobState) -> Option<Timestamp> {
    match state {
        JobState::Pending { hold: Hold::NotBefore { at } | Hold::Throttled { until: at } } => Some(*at),
        _ => None,
    }
}

/// A call can't wait for a person or for another day.
fn unwaited(hold: &Hold) -> Denial {
    let reason = match hold {
        Hold::Approval { .. } => "a person has to approve this; submit it as a job",
        _ => "this tenant is slowed down; submit it as a job, or try again later",
    };
    Denial { rule: hold.name().into(), reason: reason.into() }
}
