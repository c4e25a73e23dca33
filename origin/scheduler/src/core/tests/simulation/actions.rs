//! What the simulated store, safety kernel, bus and callers do with the core's actions.

use cortex_domain::call::{CallRefusal, CallReply};
use cortex_domain::event::Event;
use cortex_domain::id::{JobId, WorkerId};
use cortex_domain::policy::Decision;
use cortex_domain::state::{Denial, Lease, Target};
use std::time::Duration;

use super::super::coverage::Coverage;
use super::super::fixtures::allow;
use super::super::workers::{self, WorkerMessage};
use super::bus::Message;
use super::schedulers::SchedulerEvent;
use super::{FAULT_PERIOD_MS, SimEvent, Simulation};
use crate::core::{Action, DispatchOutcome, Input, PersistError, SaveError};

impl Simulation {
    pub(super) fn execute(&mut self, of: u64, action: Action<u64>, message: Option<Message>) {
        let outcome = match action {
            Action::Load { job } => {
                let found = self.store.jobs.get(&job).map(|(job, _)| Box::new(job.clone()));
                let found = if self.chance_of_fault(3) { Err(()) } else { Ok(found) };
                Input::Loaded { job, found }
            }
            Action::Ask { ask, request } => {
                let decision = self.decide(request.job);
                Input::Decided { job: request.job, ask, decision }
            }
            Action::Commit { change } => {
                let job = change.job().id();
                let owner = self.owner_under(change.term());
                let outcome = if self.chance_of_fault(3) {
                    // A commit that failed may still have been made.
                    if self.rng.chance(30) {
                        let _ = self.store.commit(*change);
                    }
                    Err(SaveError::Failed)
                } else {
                    self.store.commit(*change)
                };
                match &outcome {
                    Ok(_) => {
                        assert_eq!(owner, self.ids.get(&of).copied(), "a commit under an old term");
                        self.after(1, SimEvent::Relay);
                    }
                    Err(SaveError::Conflict) => self.coverage.conflicts += 1,
                    Err(SaveError::NoDraft) => self.coverage.no_drafts += 1,
                    Err(SaveError::Failed) => self.coverage.failed_writes += 1,
                    Err(SaveError::TermOver) => self.coverage.terms_over += 1,
                }
                Input::Saved { job, outcome: outcome.map(Box::new) }
            }
            Action::Persist { history } => {
                let job = history.job().id();
                let fails = self.chance_of_fault(20).then(|| self.rng.below(3));
                let owner = self.owner_under(history.term());
                let is_over = owner.is_none();
                if !is_over && fails.is_none_or(|how| how == 0) {
                    assert_eq!(owner, self.ids.get(&of).copied(), "a call became durable under an old term");
                    self.store.persist(*history);
                }
                self.coverage.not_persisted += u64::from(fails.is_some());
                self.coverage.terms_over += u64::from(is_over);
                let outcome = match fails {
                    None if is_over => Err(PersistError::Failed),
                    None => Ok(()),
                    Some(1) => Err(PersistError::Full),
                    // The job may still have been persisted.
                    Some(_) => Err(PersistError::Failed),
                };
                Input::Persisted { job, outcome }
            }
            Action::Record { job, lease, entries, term } => {
                let is_over = self.owner_under(term).is_none();
                self.coverage.terms_over += u64::from(is_over);
                let taken = !is_over && !self.chance_of_fault(5);
                if taken {
                    self.store.audit.extend(entries);
                }
                self.coverage.unrecorded += u64::from(!taken);
                Input::Recorded { job, lease, taken }
            }
            Action::Send { assignment } => {
                let Target::Worker(worker) = assignment.target().clone() else { panic!("no worker") };
                let (job, lease) = (assignment.job(), assignment.lease());
                self.assert_placed_before_sent(of, job, lease);
                let outcome = self.dispatch_outcome(&worker);
                // A worker that did not reply may still have received the job.
                if outcome != DispatchOutcome::Refused
                    && (outcome != DispatchOutcome::Unanswered || self.rng.chance(50))
                {
                    self.dispatch(job, lease, &worker);
                }
                self.coverage.unreachable += u64::from(outcome == DispatchOutcome::Refused);
                self.coverage.unanswered += u64::from(outcome == DispatchOutcome::Unanswered);
                Input::Sent { job, lease, worker, outcome }
            }
            Action::Note(_) | Action::Leave => return,
            Action::Abort { cancel } => return self.stop(cancel.lease, &cancel.worker),
            Action::Answer { reply, history, called } => {
                let is_over = history.term().is_some() && self.owner_under(history.term()).is_none();
                self.coverage.terms_over += u64::from(is_over);
                if !is_over && !self.chance_of_fault(3) {
                    self.store.record(*history);
                }
                return match called {
                    CallReply::Ended { .. } => self.answered(of, reply, |coverage| &mut coverage.answered),
                    _ => self.answered(of, reply, |coverage| &mut coverage.given_up),
                };
            }
            Action::Reply { reply, called: CallReply::Kept { .. } } => {
                return self.answered(of, reply, |coverage| &mut coverage.persisted);
            }
            Action::Reply { reply, called } => {
                let open = self.calls.get(&reply);
                let ran = open.is_some_and(|call| self.sent_jobs.contains_key(&call.request.id));
                assert!(!ran, "call {reply} was sent to a worker, and nothing is recorded of it");
                if matches!(called, CallReply::Refused(CallRefusal::Moved)) {
                    return self.moved(of, reply);
                }
                return self.answered(of, reply, |coverage| &mut coverage.refused);
            }
        };
        let asked = matches!(outcome, Input::Decided { .. });
        let after = if asked && self.chance_of_fault(5) { self.rng.below(8000) } else { self.rng.below(20) };
        self.after(after, SimEvent::Scheduler(of, SchedulerEvent::Outcome(outcome, message)));
    }

    fn dispatch_outcome(&mut self, worker: &WorkerId) -> DispatchOutcome {
        if self.held.get(worker).is_some_and(|held| held.len() >= self.capacity) {
            self.coverage.busy += 1;
            DispatchOutcome::Refused
        } else if self.chance_of_fault(5) {
            DispatchOutcome::Refused
        } else if self.chance_of_fault(5) {
            DispatchOutcome::Unanswered
        } else if self.rng.chance(50) {
            DispatchOutcome::Started
        } else {
            DispatchOutcome::Accepted
        }
    }

    /// Asserts that each caller gets one answer, from the scheduler that has the call, unless that
    /// was killed.
    pub(super) fn answered(&mut self, of: u64, call: u64, count: impl Fn(&mut Coverage) -> &mut u64) {
        if let Some(life) = self.lost.get(&call) {
            assert_eq!(of, *life, "a call was answered by a scheduler that never had it");
            return;
        }
        let open = self.calls.remove(&call);
        let Some(open) = open else { panic!("call {call} was answered twice") };
        assert_eq!(open.life, Some(of), "call {call} was answered by a scheduler that doesn't have it");
        *count(&mut self.coverage) += 1;
    }

    /// Asserts that a durable job is sent under the lease in the store, and that each dispatch is
    /// sent once.
    fn assert_placed_before_sent(&mut self, of: u64, job: JobId, lease: Lease) {
        assert!(self.sent.insert(*lease.dispatch.as_bytes()), "{job} was sent twice under one lease");
        let sent = self.sent_jobs.entry(job).or_default();
        *sent += 1;
        assert!(self.store.allowed(job) >= *sent, "{job} was sent without a record of the decision");
        let known = self.store.jobs.get(&job).filter(|_| self.at(of).is_some());
        if let Some((_, log)) = known {
            let placed = log.iter().any(|entry| entry.event.lease() == Some(lease));
            assert!(placed, "{job} was sent under a lease that the store doesn't know");
        }
    }

    fn dispatch(&mut self, job: JobId, lease: Lease, worker: &WorkerId) {
        let (messages, holds) = if self.faults_are_over() {
            let done = Event::Succeeded { lease, timings: cortex_domain::event::Timings::default() };
            let dispatch = lease.dispatch;
            (
                vec![
                    (5, WorkerMessage::Draft { job, dispatch }),
                    (6, WorkerMessage::Report { job, event: done }),
                ],
                true,
            )
        } else {
            workers::work(job, lease, worker, &mut self.rng)
        };
        if holds {
            let held = self.held.entry(worker.clone()).or_default();
            held.insert(lease.dispatch, (job, lease));
            assert!(held.len() <= self.capacity, "{worker} runs more jobs than it has room for");
        }
        for (after, messages) in messages {
            self.after(after, SimEvent::WorkerMessage(worker.clone(), messages));
        }
    }

    fn decide(&mut self, job: JobId) -> Result<Decision, ()> {
        let no = || Denial { rule: "r".into(), reason: "no".into() };
        if self.chance_of_fault(3) {
            return Err(());
        }
        if self.chance_of_fault(3) {
            return Ok(Decision::deny(no()));
        }
        if self.chance_of_fault(3) {
            let until = self.wall().after(Duration::from_millis(self.rng.below(5000)));
            return Ok(Decision::throttle(until));
        }
        if self.chance_of_fault(3) {
            // A person looks at the job and cancels it.
            let after = self.rng.below(FAULT_PERIOD_MS);
            self.after(after, SimEvent::Cancel(job));
            return Ok(Decision::require_human(no()));
        }
        Ok(allow())
    }
}
