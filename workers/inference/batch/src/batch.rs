//! All that wait and all that run.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::blocks::Blocks;
use crate::limits::Limits;
use crate::pace::Pace;
use crate::sequence::{Job, Sequence, SequenceId, State};
use crate::tenants::Tenants;

/// The sequences of one model and the blocks of its cache.
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

/// Why a job was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("the queue is full: try again in {} s", retry_after.as_secs())]
    Full { retry_after: Duration },
    #[error("prompt and answer are {tokens} tokens long, and at most {most} fit")]
    TooLong { tokens: usize, most: usize },
    #[error("{given} answers at once are more than the {most} that one request may have")]
    TooMany { given: usize, most: usize },
    #[error("there is nothing to do: the prompt or the answer has no token")]
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
    /// Blocks that nobody holds, kept in case their text comes again.
    pub kept: usize,
}

impl Batch {
    pub fn new(limits: Limits) -> Self {
        let limits = limits.sane();
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

    /// Puts `copies` sequences with one prompt into the queue, all or none. What can never run is refused at once.
    pub fn submit(&mut self, now: Duration, job: Job, copies: usize) -> Result<Vec<SequenceId>, Refused> {
        if job.prompt.is_empty() || job.most_new == 0 || copies == 0 {
            return Err(Refused::Empty);
        }
        let tokens = job.prompt.len().saturating_add(job.most_new);
        if tokens > self.limits.longest() {
            return Err(Refused::TooLong { tokens, most: self.limits.longest() });
        }
        let most = self.limits.waiting / 2;
        if copies > most {
            return Err(Refused::TooMany { given: copies, most });
        }
        let own = self.tenants.account(&job.tenant).map_or(0, |account| account.waiting.len());
        let waiting = self.sequences.len() - self.running.len();
        if waiting + own + copies > self.limits.waiting {
            return Err(Refused::Full { retry_after: self.pace.to_pass(now, waiting.max(1)) });
        }
        Ok((0..copies).map(|_| self.enqueue(&job, tokens)).collect())
    }

    /// Forgets a sequence and gives its place back. Whether there was one.
    pub fn cancel(&mut self, id: SequenceId) -> bool {
        self.remove(id).is_some()
    }

    /// The prompt of a sequence and what it has generated.
    pub fn tokens(&self, id: SequenceId) -> &[u32] {
        self.sequences.get(&id).map_or(&[], |sequence| &sequence.tokens)
    }

    /// The blocks in which a running sequence's keys and values lie, in the order of its text.
    pub fn blocks(&self, id: SequenceId) -> &[u32] {
        self.sequences.get(&id).and_then(Sequence::place).map_or(&[], |place| &place.blocks)
    }

    /// Tokens that a running sequence found computed when it was last admitted.
    pub fn found(&self, id: SequenceId) -> usize {
        self.sequences.get(&id).and_then(Sequence::place).map_or(0, |place| place.found)
    }

    pub fn is_empty(&self) -> bool {
        self.sequences.is_empty()
    }

    /// When the next deadline passes.
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

    fn enqueue(&mut self, job: &Job, most: usize) -> SequenceId {
        let id = SequenceId(self.next);
        self.next += 1;
        self.tenants.arrive(&job.tenant, job.weight, id);
        if let Some(deadline) = job.deadline {
            self.deadlines.insert((deadline, id));
        }
        let sequence = Sequence {
            tenant: job.tenant.clone(),
            deadline: job.deadline,
            tokens: job.prompt.clone(),
            shared: job.shared.min(job.prompt.len()),
            most,
            charged: 0,
            state: State::Waiting,
        };
        self.sequences.insert(id, sequence);
        id
    }

    /// Takes a sequence out, and its blocks back.
    pub(crate) fn remove(&mut self, id: SequenceId) -> Option<Sequence> {
        let sequence = self.sequences.remove(&id)?;
        if let Some(place) = sequence.place() {
            self.blocks.release(&place.blocks);
        }
        if let Some(deadline) = sequence.deadline {
            self.deadlines.remove(&(deadline, id));
        }
        self.running.remove(&id);
        self.tenants.gone(&sequence.tenant, id);
        self.tenants.settle();
        Some(sequence)
    }
}
