//! The plan: what the next forward pass computes.

use std::ops::Range;
use std::time::Duration;

use crate::batch::Batch;
use crate::sequence::{Sequence, SequenceId, State};

/// One step. It has no effect on its sequences until it is committed, so a plan that could not be
/// computed is simply dropped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    pub segments: Vec<PlannedSegment>,
    /// Sequences whose deadline has passed. They have left the batch.
    pub expired: Vec<SequenceId>,
    /// Sequences that were admitted.
    pub admitted: Vec<SequenceId>,
    /// Sequences that were preempted and wait again.
    pub preempted: Vec<SequenceId>,
}

/// What to compute for one sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedSegment {
    pub sequence: SequenceId,
    /// Positions to compute, as indices into [`Batch::tokens`]. All earlier ones are in the cache.
    pub tokens: Range<usize>,
    /// Whether the last position predicts the next token.
    pub sample: bool,
}

impl Plan {
    /// Returns the number of tokens to compute.
    pub fn tokens(&self) -> usize {
        self.segments.iter().map(|segment| segment.tokens.len()).sum()
    }
}

impl Batch {
    /// Plans the next step. Every generating sequence computes one token. The rest of the budget
    /// goes to prompts, first to those of the tenant with the least service.
    pub fn plan(&mut self, now: Duration) -> Plan {
        let mut plan = Plan::default();
        self.expire(now, &mut plan);
        self.grow(&mut plan);
        self.admit(now, &mut plan);
        self.share_out(&mut plan);
        plan
    }

    fn expire(&mut self, now: Duration, plan: &mut Plan) {
        while let Some(&(deadline, id)) = self.deadlines.first()
            && deadline <= now
        {
            self.remove(id);
            plan.expired.push(id);
        }
    }

    /// Gives every running sequence a block for its next token, the oldest first.
    fn grow(&mut self, plan: &mut Plan) {
        for id in self.running.iter().copied().collect::<Vec<_>>() {
            while let Some(sequence) = self.sequences.get_mut(&id) {
                let scope = sequence.scope();
                let Some(place) = sequence.place_without_room() else { break };
                if let Some(block) = self.blocks.take(&scope) {
                    place.blocks.push(block);
                } else if let Some(&youngest) = self.running.last() {
                    self.preempt(youngest, plan);
                }
            }
        }
    }

    /// Makes a sequence wait again. The content of its full blocks stays known until the room is
    /// needed.
    pub(crate) fn preempt(&mut self, id: SequenceId, plan: &mut Plan) {
        let Some(sequence) = self.sequences.get_mut(&id) else { return };
        if let State::Running(place) = std::mem::replace(&mut sequence.state, State::Waiting) {
            self.blocks.release(&place.blocks);
            self.tenants.preempted(&sequence.tenant, id);
            self.running.remove(&id);
            plan.admitted.retain(|admitted| *admitted != id);
            plan.preempted.push(id);
        }
    }

    fn share_out(&self, plan: &mut Plan) {
        let mut budget = self.limits.step_tokens;
        let mut prompts = Vec::new();
        for (&id, sequence) in self.running() {
            match left(sequence) {
                1 => {
                    plan.segments.push(segment(id, sequence, 1));
                    budget -= 1;
                }
                _ => prompts.push((self.tenants.virtual_time(&sequence.tenant), id, sequence)),
            }
        }
        prompts.sort_by_key(|(time, id, _)| (*time, *id));
        for (_, id, sequence) in prompts {
            if budget == 0 {
                break;
            }
            let tokens = left(sequence).min(budget);
            plan.segments.push(segment(id, sequence, tokens));
            budget -= tokens;
        }
    }

    pub(crate) fn running(&self) -> impl Iterator<Item = (&SequenceId, &Sequence)> {
        self.running.iter().filter_map(|id| self.sequences.get_key_value(id))
    }
}

fn computed(sequence: &Sequence) -> usize {
    sequence.place().map_or(0, |place| place.computed)
}

fn left(sequence: &Sequence) -> usize {
    sequence.tokens.len() - computed(sequence)
}

fn segment(id: SequenceId, sequence: &Sequence, tokens: usize) -> PlannedSegment {
    let start = computed(sequence);
    let end = start + tokens;
    PlannedSegment { sequence: id, tokens: start..end, sample: end == sequence.tokens.len() }
}
