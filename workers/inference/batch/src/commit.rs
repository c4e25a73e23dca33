//! Commits the results of a step.

use std::collections::BTreeMap;

use crate::batch::Batch;
use crate::blocks::BLOCK;
use crate::plan::{Plan, PlannedSegment};
use crate::sequence::SequenceId;
use crate::tenants::GENERATED_TOKEN_COST;

/// The result of a segment with a sampled token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepOutcome {
    /// The sequence continues with this token.
    Token(u32),
    /// The sequence has ended.
    Ended,
    /// The logits are invalid. The blocks of the sequence are not kept in the cache.
    Failed,
}

/// A sequence that has left the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finished {
    pub sequence: SequenceId,
    pub reason: FinishReason,
}

/// Why a sequence has left the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishReason {
    Ended,
    /// It reached its maximum number of tokens.
    Length,
    Failed,
}

impl Batch {
    /// Commits the results of a plan, so its keys and values are now in the cache. A segment that
    /// should have an outcome and has none is computed again. Segments of cancelled sequences are
    /// ignored.
    pub fn commit(&mut self, plan: &Plan, outcomes: &[(SequenceId, StepOutcome)]) -> Vec<Finished> {
        let outcomes: BTreeMap<_, _> = outcomes.iter().copied().collect();
        let mut finished = Vec::new();
        for segment in &plan.segments {
            let outcome = outcomes.get(&segment.sequence).copied().filter(|_| segment.sample);
            if let Some(reason) = self.commit_segment(segment, outcome) {
                self.remove(segment.sequence);
                finished.push(Finished { sequence: segment.sequence, reason });
            }
        }
        self.tenants.update_floor();
        finished
    }

    /// Commits one segment. Returns why its sequence has ended, if it has.
    fn commit_segment(
        &mut self,
        segment: &PlannedSegment,
        outcome: Option<StepOutcome>,
    ) -> Option<FinishReason> {
        match outcome {
            Some(StepOutcome::Failed) => {
                return self.forget(segment.sequence).then_some(FinishReason::Failed);
            }
            None if segment.sample => return None,
            _ => {}
        }
        if !self.computed(segment) {
            return None;
        }
        match outcome? {
            StepOutcome::Token(token) => self.push(segment.sequence, token).then_some(FinishReason::Length),
            StepOutcome::Ended => Some(FinishReason::Ended),
            StepOutcome::Failed => None,
        }
    }

    /// Records that a segment is in the cache, registers the blocks that it filled, and charges the
    /// tenant. Returns false if the sequence is not where the plan left it.
    fn computed(&mut self, segment: &PlannedSegment) -> bool {
        let Some(sequence) = self.sequences.get_mut(&segment.sequence) else { return false };
        let fresh = segment.tokens.end.saturating_sub(sequence.charged.max(segment.tokens.start)) as u64;
        let Some(place) = sequence.place().filter(|place| place.computed == segment.tokens.start) else {
            return false;
        };
        let (mut registered, mut prefix) = (place.registered, place.prefix);
        while (registered + 1) * BLOCK <= segment.tokens.end
            && let Some(content) = sequence.next_content(registered, prefix)
            && let Some(&block) = sequence.place().and_then(|place| place.blocks.get(registered))
        {
            prefix = self.blocks.register(block, content);
            registered += 1;
        }
        if let Some(place) = sequence.place_mut() {
            (place.registered, place.prefix, place.computed) = (registered, prefix, segment.tokens.end);
        }
        sequence.charged = sequence.charged.max(segment.tokens.end);
        let generated = if segment.sample { GENERATED_TOKEN_COST } else { 0 };
        self.tenants.charge(&sequence.tenant, fresh + generated);
        true
    }

    /// Adds a token. Returns whether it was the last one allowed.
    fn push(&mut self, id: SequenceId, token: u32) -> bool {
        let Some(sequence) = self.sequences.get_mut(&id) else { return false };
        sequence.tokens.push(token);
        sequence.tokens.len() >= sequence.max_tokens
    }

    /// Forgets the contents of a sequence's blocks, so that nothing shares invalid values. Returns
    /// whether the sequence exists.
    fn forget(&mut self, id: SequenceId) -> bool {
        let Some(place) = self.sequences.get(&id).and_then(|sequence| sequence.place()) else { return false };
        place.blocks.iter().for_each(|block| self.blocks.forget(*block));
        true
    }
}
