//! The batch: all sequences that wait or run.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::blocks::Blocks;
use crate::limits::Limits;
use crate::pace::Pace;
use crate::sequence::{Job, Sequence, SequenceId, State};
use crate::tenants::Tenants;

/// The sequences of one model, and the blocks of its cache.
#[derive(Debug)]
pub struct Batch {
    pub(crate) limits: Limits,
    pub(crate) blocks: Blocks,
    pub(crate) tenants: Tenants,
    pub(crate) pace: Pace,
    pub(crate) sequences: BTreeMap<SequenceId, Sequence>,
    pub(crate) running: BTreeSet<SequenceId>,
    pub(crate) deadlines: BTreeSet<(Duration, SequenceId)>,
    next: u64,
}

/// Why a job was rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    #[error("the queue is full: try again in {} s", retry_after.as_secs())]
    Full { retry_after: Duration },
    #[error("prompt and answer together have {tokens} tokens, but at most {max} fit")]
    TooLong { tokens: usize, max: usize },
    #[error("{given} answers are more than the maximum of {max}")]
    TooMany { given: usize, max: usize },
    #[error("the prompt and the answer must each have at least one token")]
    Empty,
}

/// What is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    pub waiting: usize,
    pub running: usize,
    pub blocks: usize,
    /// Blocks that sequences hold.
    pub held: usize,
    /// Blocks that no sequence holds, kept in case their content is needed again.
    pub kept: usize,
}

impl Batch {
    pub fn new(limits: Limits) -> Self {
        let limits = limits.clamped();
        Self {
            limits,
            blocks: Blocks::new(limits.blocks),
            tenants: Tenants::default(),
            pace: Pace::default(),
            sequences: BTreeMap::new(),
            running: BTreeSet::new(),
            deadlines: BTreeSet::new(),
            next: 0,
        }
    }

    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Queues `copies` sequences with one prompt, or none of them. A job that can never run is
    /// rejected at once.
    pub fn submit(&mut self, now: Duration, job: Job, copies: usize) -> Result<Vec<SequenceId>, QueueError> {
        if job.prompt.is_empty() || job.max_new_tokens == 0 || copies == 0 {
            return Err(QueueError::Empty);
        }
        let tokens = job.prompt.len().saturating_add(job.max_new_tokens);
        if tokens > self.limits.longest() {
            return Err(QueueError::TooLong { tokens, max: self.limits.longest() });
        }
        let max = self.limits.waiting / 2;
        if copies > max {
            return Err(QueueError::TooMany { given: copies, max });
        }
        let own = self.tenants.account(&job.tenant).map_or(0, |account| account.waiting.len());
        let waiting = self.sequences.len() - self.running.len();
        if waiting + own + copies > self.limits.waiting {
            return Err(QueueError::Full { retry_after: self.pace.time_for(now, waiting.max(1)) });
        }
        Ok((0..copies).map(|_| self.enqueue(&job, tokens)).collect())
    }

    /// Removes a sequence and frees its place. Returns whether it existed.
    pub fn cancel(&mut self, id: SequenceId) -> bool {
        self.remove(id).is_some()
    }

    /// Returns the prompt of a sequence, followed by its generated tokens.
    pub fn tokens(&self, id: SequenceId) -> &[u32] {
        self.sequences.get(&id).map_or(&[], |sequence| &sequence.tokens)
    }

    /// Returns the blocks of a running sequence's keys and values, in the order of its text.
    pub fn blocks(&self, id: SequenceId) -> &[u32] {
        self.sequences.get(&id).and_then(Sequence::place).map_or(&[], |place| &place.blocks)
    }

    /// Returns how many tokens a running sequence found in the cache when it was last admitted.
    pub fn found(&self, id: SequenceId) -> usize {
        self.sequences.get(&id).and_then(Sequence::place).map_or(0, |place| place.found)
    }

    pub fn is_empty(&self) -> bool {
        self.sequences.is_empty()
    }

    /// Returns when the next deadline passes.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    pub fn usage(&self) -> Usage {
        Usage {
            waiting: self.sequences.len() - self.running.len(),
            running: self.running.len(),
            blocks: self.blocks.count(),
            held: self.blocks.count() - self.blocks.available(),
            kept: self.blocks.idle(),
        }
    }

    fn enqueue(&mut self, job: &Job, max_tokens: usize) -> SequenceId {
        let id = SequenceId(self.next);
        self.next += 1;
        self.tenants.enqueue(&job.tenant, job.weight, id);
        if let Some(deadline) = job.deadline {
            self.deadlines.insert((deadline, id));
        }
        let sequence = Sequence {
            tenant: job.tenant.clone(),
            deadline: job.deadline,
            tokens: job.prompt.clone(),
            shared: job.shared.min(job.prompt.len()),
            max_tokens,
            charged: 0,
            state: State::Waiting,
        };
        self.sequences.insert(id, sequence);
        id
    }

    /// Removes a sequence and releases its blocks.
    pub(crate) fn remove(&mut self, id: SequenceId) -> Option<Sequence> {
        let sequence = self.sequences.remove(&id)?;
        if let Some(place) = sequence.place() {
            self.blocks.release(&place.blocks);
        }
        if let Some(deadline) = sequence.deadline {
            self.deadlines.remove(&(deadline, id));
        }
        self.running.remove(&id);
        self.tenants.removed(&sequence.tenant, id);
        self.tenants.update_floor();
        Some(sequence)
    }
}
