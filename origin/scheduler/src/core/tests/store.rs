//! A store that follows the contract: a commit names the version that it expects, and is applied
//! completely or not at all.

use std::collections::{BTreeMap, HashSet, VecDeque};

use cortex_domain::audit::AuditEvent;
use cortex_domain::event::{Entry, Event};
use cortex_domain::id::{DispatchId, JobId};
use cortex_domain::job::{Durability, Job, Version};
use cortex_domain::ownership::{SchedulerId, Standing};
use cortex_domain::share::Term;
use cortex_domain::state::{Exhausted, State as JobState};
use cortex_domain::transition::{self, Change, Effect, OutboxMessage, first_entry};

use crate::core::SaveError;

#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) jobs: BTreeMap<JobId, (Job, Vec<Entry>)>,
    /// Drafts of answers by dispatch, as workers put them.
    pub(super) drafts: HashSet<(JobId, DispatchId)>,
    pub(super) outbox: VecDeque<OutboxMessage>,
    /// Entries of the audit log in the order of commits.
    pub(super) audit: Vec<AuditEvent>,
    /// The schedulers, and the owner of each share.
    pub(super) standing: Standing,
    /// Calls that have ended.
    pub(super) histories: Vec<(Job, Vec<Entry>)>,
}

impl Store {
    pub(super) fn accept(&mut self, job: Job) {
        let id = job.id();
        let log = vec![first_entry(&job)];
        self.outbox.push_back(OutboxMessage::submit(&job));
        self.jobs.insert(id, (job, log));
    }

    pub(super) fn commit(&mut self, change: Change) -> Result<Job, SaveError> {
        let id = change.job().id();
        if change.term().is_some_and(|term| self.owner_under(term).is_none()) {
            return Err(SaveError::TermOver);
        }
        let Some((job, log)) = self.jobs.get_mut(&id) else { return Err(SaveError::Conflict) };
        if job.version != change.expected() {
            return Err(SaveError::Conflict);
        }
        if let Some(Entry { event: Event::Succeeded { lease, .. }, .. }) = change.entries().last()
            && !self.drafts.contains(&(id, lease.dispatch))
        {
            return Err(SaveError::NoDraft);
        }
        log.extend_from_slice(change.entries());
        for effect in change.effects() {
            match effect {
                Effect::Send(message) => self.outbox.push_back(message.clone()),
                Effect::Audit(entry) => self.audit.push((**entry).clone()),
                Effect::Publish { .. } => {}
            }
        }
        *job = change.into_job();
        Ok(job.clone())
    }

    /// Returns the owner of the share, unless the term is over.
    pub(super) fn owner_under(&self, term: Term) -> Option<SchedulerId> {
        let (epoch, owner) = self.standing.shares.get(&term.share).copied()?;
        owner.filter(|_| epoch == term.epoch)
    }

    /// Makes a call's history a durable job.
    pub(super) fn persist(&mut self, history: Change) {
        assert_eq!((history.job().durability, history.expected()), (Durability::Durable, Version(0)));
        self.note(&history);
        let log = history.entries().to_vec();
        let known = self.jobs.insert(history.job().id(), (history.into_job(), log));
        assert!(known.is_none(), "a call became durable twice");
    }

    /// Records a call that has ended, unless it has become a durable job.
    pub(super) fn record(&mut self, history: Change) {
        self.note(&history);
        if self.jobs.contains_key(&history.job().id()) {
            return;
        }
        let log = history.entries().to_vec();
        self.histories.push((history.into_job(), log));
    }

    /// Returns how often the audit log allows a job.
    pub(super) fn allowed(&self, job: JobId) -> usize {
        let subject = job.to_string();
        let allowed = |entry: &&AuditEvent| entry.subject == subject && entry.decision == "ALLOW";
        self.audit.iter().filter(allowed).count()
    }

    /// Records the audit entries of a call.
    fn note(&mut self, history: &Change) {
        for effect in history.effects() {
            match effect {
                Effect::Audit(entry) => self.audit.push((**entry).clone()),
                other => panic!("a call's history has an effect of its own: {other:?}"),
            }
        }
    }

    pub(super) fn open(&self) -> Vec<Job> {
        self.jobs.values().map(|(job, _)| job).filter(|job| !job.state.is_terminal()).cloned().collect()
    }

    /// Asserts that every job has ended, and that its log folds to its state.
    pub(super) fn check(&self) {
        for (job, log) in self.jobs.values().chain(&self.histories) {
            let id = job.id();
            assert!(job.state.is_terminal(), "{id} has not ended: {:?}", job.state);
            let mut folded = Job::accepted(job.request.clone(), job.durability, job.memory);
            assert_eq!(log[0], first_entry(&folded));
            for entry in &log[1..] {
                assert_eq!(entry.version, folded.version.next(), "{id}: a gap in the log");
                (folded, _) = transition::apply(folded, &entry.event, entry.at).unwrap();
                assert_eq!(entry.state, folded.state.name());
            }
            assert_eq!(&folded, job, "{id}: the log does not fold to the state");
            let spared = job.attempt.0 - job.spared;
            assert!(spared <= job.request.limits.attempts, "{id}: too many attempts");
            // A clock that jumps must not end a job early.
            let by_deadline = matches!(job.state, JobState::TimedOut { exhausted: Exhausted::Deadline });
            assert!(!by_deadline || job.request.limits.deadline.is_some(), "{id} had no deadline");
            let won = log.iter().filter(|entry| matches!(entry.event, Event::Succeeded { .. })).count();
            assert_eq!(won, usize::from(matches!(job.state, JobState::Succeeded { .. })));
        }
    }
}
