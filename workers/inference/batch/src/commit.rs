//! What came of a step.

use std::collections::BTreeMap;

use crate::batch::Batch;
use crate::blocks::BLOCK;
use crate::plan::{Part, Plan};
use crate::sequence::SequenceId;
use crate::tenants::GENERATED;

/// What was sampled for a part that asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on with this token.
    Token(u32),
    /// It has ended.
    Ended,
    /// Its numbers are no good. What was computed of it is not kept.
    Failed,
}

/// A sequence that is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finished {
    pub sequence: SequenceId,
    pub why: Finish,
}

/// Why a sequence is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    Ended,
    /// It has as many tokens as it may have.
    Length,
    Failed,
}

impl Batch {
    /// Takes the outcome of a plan: what it computed lies in the cache now. A part that asked for a token and has no
    /// verdict is computed again; sequences cancelled since are passed over.
    pub fn committed(&mut self, plan: &Plan, verdicts: &[(SequenceId, Verdict)]) -> Vec<Finished> {
        let verdicts: BTreeMap<_, _> = verdicts.iter().copied().collect();
        let mut finished = Vec::new();
        for part in &plan.parts {
            let verdict = verdicts.get(&part.sequence).copied().filter(|_| part.sample);
            if let Some(why) = self.settle(part, verdict) {
                self.remove(part.sequence);
                finished.push(Finished { sequence: part.sequence, why });
            }
        }
        self.tenants.settle();
        finished
    }

    /// Takes the outcome of one part. Why it was the last of its sequence, if it was.
    fn settle(&mut self, part: &Part, verdict: Option<Verdict>) -> Option<Finish> {
        match verdict {
            Some(Verdict::Failed) => return self.forget(part.sequence).then_some(Finish::Failed),
            None if part.sample => return None,
            _ => {}
        }
        if !self.computed(part) {
            return None;
        }
        match verdict? {
            Verdict::Token(token) => self.push(part.sequence, token).then_some(Finish::Length),
            Verdict::Ended => Some(Finish::Ended),
            Verdict::Failed => None,
        }
    }

    /// Notes that a part lies in the cache, names the blocks it filled and charges for it. False if the sequence is
    /// not where the plan left it.
    fn computed(&mut self, part: &Part) -> bool {
        let Some(sequence) = self.sequences.get_mut(&part.sequence) else { return false };
        let fresh = part.tokens.end.saturating_sub(sequence.charged.max(part.tokens.start)) as u64;
        let Some(place) = sequence.place().filter(|place| place.computed == part.tokens.start) else {
            return false;
        };
        let (mut named, mut node) = (place.named, place.node);
        while (named + 1) * BLOCK <= part.tokens.end
            && let Some(content) = sequence.next_content(named, node)
            && let Some(&block) = sequence.place().and_then(|place| place.blocks.get(named))
        {
            node = self.blocks.name(block, content);
            named += 1;
        }
        if let Some(place) = sequence.place_mut() {
            (place.named, place.node, place.computed) = (named, node, part.tokens.end);
        }
        sequence.charged = sequence.charged.max(part.tokens.end);
        let generated = if part.sample { GENERATED } else { 0 };
        self.tenants.charge(&sequence.tenant, fresh + generated);
        true
    }

    /// Adds a token. Whether it was the last there may be.
    fn push(&mut self, id: SequenceId, token: u32) -> bool {
        let Some(sequence) = self.sequences.get_mut(&id) else { return false };
        sequence.tokens.push(token);
        sequence.tokens.len() >= sequence.most
    }

    /// Makes a sequence's blocks unknown, so that nobody shares what may be spoilt. Whether it is there.
    fn forget(&mut self, id: SequenceId) -> bool {
        let Some(place) = self.sequences.get(&id).and_then(|sequence| sequence.place()) else { return false };
        place.blocks.iter().for_each(|block| self.blocks.forget(*block));
        true
    }
}
