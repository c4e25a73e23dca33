//! The function that applies events to jobs, durable and ephemeral alike.

use crate::audit::AuditEvent;
use crate::event::{Entry, Event};
use crate::id::{JobId, WorkerId};
use crate::job::{Approval, Job, Version};
use crate::pointer::Pointer;
use crate::retry;
use crate::share::{Share, Term};
use crate::state::{Attempt, Denial, Exhausted, Failure, FailureKind, Hold, Lease, State, StateName, Target};
use crate::time::Timestamp;

/// Maximum number of rules that may hold a job at the same time, and of kept approvals.
const MAX_APPROVALS: usize = 32;

/// An event does not fit the job's state. Nothing changes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// The event came under a lease that is not the job's. It is from a worker that lost its lease,
    /// or it arrived late.
    #[error("`{event}` came under a stale lease while the job was {state}")]
    Stale { state: StateName, event: &'static str },
    /// The event is not legal in this state.
    #[error("`{event}` does not fit a job that is {state}")]
    Illegal { state: StateName, event: &'static str },
}

/// A message that the outbox holds until its change is committed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OutboxMessage {
    /// Tells the scheduler that a job is ready.
    Submit { job: JobId, share: Share },
    /// Tells a worker to stop.
    Abort { job: JobId, lease: Lease, worker: WorkerId },
}

impl OutboxMessage {
    /// Returns the message that a job is ready.
    #[must_use]
    pub fn submit(job: &Job) -> Self {
        Self::Submit { job: job.id(), share: Share::of(job.tenant()) }
    }

    /// Returns the share whose owner relays the message.
    #[must_use]
    pub fn share(&self) -> Share {
        match self {
            Self::Submit { share, .. } => *share,
            Self::Abort { lease, .. } => lease.dispatch.share(),
        }
    }
}

/// What is committed atomically with a change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Sends a message.
    Send(OutboxMessage),
    /// Makes the draft the result.
    Publish { draft: Pointer, result: Pointer },
    /// Adds an entry to the audit log.
    Audit(Box<AuditEvent>),
}

/// A job, its new log entries and its effects. A store commits them as one transaction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    job: Job,
    expected: Version,
    entries: Vec<Entry>,
    effects: Vec<Effect>,
    term: Option<Term>,
}

impl Change {
    /// Returns an empty change.
    #[must_use]
    pub fn of(job: Job) -> Self {
        Self { expected: job.version, job, entries: Vec::new(), effects: Vec::new(), term: None }
    }

    /// Returns the whole history of a job that the store does not know yet: a call that has ended
    /// or becomes durable.
    #[must_use]
    pub fn history(job: Job, entries: Vec<Entry>, effects: Vec<Effect>) -> Self {
        Self { expected: Version(0), job, entries, effects, term: None }
    }

    /// Makes the change that of a scheduler, which the store refuses if its term is over.
    #[must_use]
    pub fn under(self, term: Term) -> Self {
        Self { term: Some(term), ..self }
    }

    /// Returns the term under which a scheduler makes the change. `None` is a change by a component
    /// that owns no share: only the version protects it.
    #[must_use]
    pub fn term(&self) -> Option<Term> {
        self.term
    }

    /// Adds an effect that no event causes.
    #[must_use]
    pub fn with(mut self, effect: Effect) -> Self {
        self.effects.push(effect);
        self
    }

    /// Applies `event`.
    ///
    /// # Errors
    /// Returns an error if the event does not fit.
    pub fn then(mut self, event: Event, now: Timestamp) -> Result<Self, Rejected> {
        self.add(event, now)?;
        Ok(self)
    }

    /// Applies `event`, or leaves the change as it is.
    ///
    /// # Errors
    /// Returns an error if the event does not fit.
    pub fn add(&mut self, event: Event, now: Timestamp) -> Result<(), Rejected> {
        step(&mut self.job, &event, now, &mut self.effects)?;
        let Job { version, attempt, ref state, .. } = self.job;
        self.entries.push(Entry { version, attempt, at: now, state: state.name(), event });
        Ok(())
    }

    /// Applies a report, like [`Self::report`], and returns the change.
    ///
    /// # Errors
    /// Returns an error if the event does not fit.
    pub fn reported(
        mut self,
        event: Event,
        worker: Option<&WorkerId>,
        now: Timestamp,
    ) -> Result<Self, Rejected> {
        self.report(event, worker, now)?;
        Ok(self)
    }

    /// Applies `event` after the events that it implies. A worker that reports has been dispatched,
    /// even if the message about that arrives later.
    ///
    /// # Errors
    /// Returns an error if the event does not fit.
    pub fn report(
        &mut self,
        event: Event,
        worker: Option<&WorkerId>,
        now: Timestamp,
    ) -> Result<(), Rejected> {
        let Some(lease) = event.lease().filter(|lease| self.job.state.lease() == Some(*lease)) else {
            return self.add(event, now);
        };
        let runs = matches!(event, Event::Succeeded { .. } | Event::Failed { .. });
        let starts = runs || matches!(event, Event::Started { .. });
        let implied = starts && !matches!(self.job.state, State::Running { .. });
        if !implied {
            return self.add(event, now);
        }
        // The implied events are added only together with the event itself.
        let mut change = self.clone();
        if matches!(change.job.state, State::Scheduled { .. }) {
            change.add(Event::Dispatched { lease }, now)?;
        }
        if let (true, Some(worker), State::Dispatched { .. }) = (runs, worker, &change.job.state) {
            change.add(Event::Started { lease, worker: worker.clone() }, now)?;
        }
        change.add(event, now)?;
        *self = change;
        Ok(())
    }

    /// Returns the job as it is after the change.
    #[must_use]
    pub fn job(&self) -> &Job {
        &self.job
    }

    /// Returns the version that the store must hold for the change to apply, or 0 if the job must
    /// be unknown to the store.
    #[must_use]
    pub fn expected(&self) -> Version {
        self.expected
    }

    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    #[must_use]
    pub fn effects(&self) -> &[Effect] {
        &self.effects
    }

    #[must_use]
    pub fn into_job(self) -> Job {
        self.job
    }
}

/// Returns the first entry of a job's log.
#[must_use]
pub fn first_entry(job: &Job) -> Entry {
    Entry {
        version: Version(1),
        attempt: job.attempt,
        at: job.request.created_at,
        state: StateName::Pending,
        event: Event::Accepted,
    }
}

/// Returns the change that an event makes to a job. The caller commits it, then acts.
///
/// # Errors
/// Returns an error if the event is stale or does not fit the state. The job then stays as it was.
pub fn apply(mut job: Job, event: &Event, now: Timestamp) -> Result<(Job, Vec<Effect>), Rejected> {
    let mut effects = Vec::new();
    step(&mut job, event, now, &mut effects)?;
    Ok((job, effects))
}

fn step(job: &mut Job, event: &Event, now: Timestamp, effects: &mut Vec<Effect>) -> Result<(), Rejected> {
    let next = next_state(job, event, now, effects)?;
    match event {
        Event::Scheduled { lease, .. } => job.attempt = lease.attempt,
        // A worker that stopped responding may have run it.
        Event::Started { .. } | Event::Succeeded { .. } | Event::Failed { .. } => job.approvals.clear(),
        Event::Approved { by } => {
            if let State::Pending { hold: Hold::Approval { denial } } = &job.state {
                let approval = Approval { by: by.clone(), rule: denial.rule.clone() };
                job.approvals.retain(|known| known.rule != approval.rule);
                job.approvals.push(approval);
                if job.approvals.len() > MAX_APPROVALS {
                    job.approvals.remove(0);
                }
            }
        }
        Event::Returned { .. } => job.spared += 1,
        _ => {}
    }
    job.state = next;
    job.version = job.version.next();
    job.updated_at = job.updated_at.max(now);
    Ok(())
}

fn next_state(
    job: &Job,
    event: &Event,
    now: Timestamp,
    effects: &mut Vec<Effect>,
) -> Result<State, Rejected> {
    let illegal = || Rejected::Illegal { state: job.state.name(), event: event.name() };
    let abort = |effects: &mut Vec<Effect>| {
        if let (Some(lease), Some(worker)) = (job.state.lease(), job.state.worker()) {
            effects.push(Effect::Send(OutboxMessage::Abort { job: job.id(), lease, worker: worker.clone() }));
        }
    };
    if job.state.is_terminal() {
        return Err(match event.lease() {
            Some(_) => Rejected::Stale { state: job.state.name(), event: event.name() },
            None => illegal(),
        });
    }
    let is_next_lease = |lease: &Lease| lease.attempt == job.attempt.next();
    match (&job.state, event) {
        (_, Event::Expired) => {
            abort(effects);
            Ok(State::TimedOut { exhausted: Exhausted::Deadline })
        }
        (_, Event::Cancelled { reason }) => {
            abort(effects);
            Ok(State::Cancelled { reason: reason.clone() })
        }

        (State::Pending { hold }, Event::Cleared { .. }) => Ok(State::Pending { hold: hold.clone() }),
        (State::Pending { .. }, Event::Denied { denial }) => Ok(State::Denied { denial: denial.clone() }),
        (State::Pending { .. }, Event::Held { hold }) => Ok(State::Pending { hold: hold.clone() }),
        (State::Pending { hold: Hold::Approval { .. } }, Event::Approved { .. }) => {
            effects.push(Effect::Send(OutboxMessage::submit(job)));
            Ok(State::Pending { hold: Hold::Ready })
        }
        (State::Pending { hold: Hold::Approval { denial } }, Event::Rejected { reason, .. }) => {
            Ok(State::Denied { denial: Denial { rule: denial.rule.clone(), reason: reason.clone() } })
        }
        (State::Pending { .. }, Event::Released) => {
            effects.push(Effect::Send(OutboxMessage::submit(job)));
            Ok(State::Pending { hold: Hold::Ready })
        }
        (State::Pending { .. }, Event::Scheduled { lease, target }) if is_next_lease(lease) => {
            Ok(State::Scheduled { lease: *lease, target: target.clone() })
        }

        (state, event) => {
            let Some(lease) = event.lease() else { return Err(illegal()) };
            if state.lease() != Some(lease) {
                return Err(Rejected::Stale { state: state.name(), event: event.name() });
            }
            under_lease(job, lease, event, now, effects).ok_or_else(illegal)
        }
    }
}

/// Applies an event to a job if its lease is the job's own.
fn under_lease(
    job: &Job,
    lease: Lease,
    event: &Event,
    now: Timestamp,
    effects: &mut Vec<Effect>,
) -> Option<State> {
    match (&job.state, event) {
        (State::Scheduled { target, .. }, Event::Dispatched { .. }) => {
            Some(State::Dispatched { lease, target: target.clone() })
        }
        (State::Dispatched { target, .. }, Event::Started { worker, .. }) if fits(target, worker) => {
            Some(State::Running { lease, worker: worker.clone(), since: now })
        }
        (State::Scheduled { .. } | State::Dispatched { .. }, Event::Returned { .. }) => {
            Some(given_back(job, now, effects))
        }
        (State::Running { .. }, Event::Succeeded { .. }) => {
            let result = Pointer::result(job.memory, job.id());
            let draft = Pointer::draft(job.memory, job.id(), lease.dispatch);
            effects.push(Effect::Publish { draft, result });
            Some(State::Succeeded { result })
        }
        (
            State::Scheduled { .. } | State::Dispatched { .. } | State::Running { .. },
            Event::Failed { failure, .. },
        ) => {
            let lost = matches!(failure.kind, FailureKind::Silent | FailureKind::Overran);
            if let (true, Some(worker)) = (lost, job.state.worker()) {
                effects.push(Effect::Send(OutboxMessage::Abort {
                    job: job.id(),
                    lease,
                    worker: worker.clone(),
                }));
            }
            Some(if failure.kind.may_retry() && job.may_try_again() {
                let at = now.after(retry::backoff(job.id(), job.attempt));
                State::Pending { hold: Hold::NotBefore { at } }
            } else if lost {
                State::TimedOut { exhausted: Exhausted::Attempts }
            } else {
                State::Failed { failure: failure.clone() }
            })
        }
        _ => None,
    }
}

/// Returns the state of a job that was given back without having run. The first time, the scheduler
/// places it again at once, because the worker may just be shutting down.
fn given_back(job: &Job, now: Timestamp, effects: &mut Vec<Effect>) -> State {
    if job.spared >= retry::MAX_SPARED {
        let detail = format!("workers returned the job {} times without running it", job.spared + 1);
        return State::Failed { failure: Failure::new(FailureKind::Overloaded, detail) };
    }
    if job.spared == 0 {
        effects.push(Effect::Send(OutboxMessage::submit(job)));
        return State::Pending { hold: Hold::Ready };
    }
    let at = now.after(retry::backoff(job.id(), Attempt(job.spared)));
    State::Pending { hold: Hold::NotBefore { at } }
}

fn fits(target: &Target, worker: &WorkerId) -> bool {
    match target {
        Target::Worker(id) => id == worker,
        Target::Pool(_) => true,
    }
}

#[cfg(test)]
mod tests;
