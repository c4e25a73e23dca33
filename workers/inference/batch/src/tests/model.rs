//! A fake model. Its keys and values are hashes of all tokens so far, and it checks those that it
//! reads.

use std::collections::BTreeMap;

use super::at;
use crate::{BLOCK, Batch, FinishReason, Finished, Job, Limits, Plan, SequenceId, StepOutcome};

/// The token with which the model ends a text.
const END: u64 = 0;
/// One token in this many ends a text.
const ENDS: u64 = 40;
const NEVER: u64 = u64::MAX;

#[derive(Debug)]
pub(crate) struct FakeModel {
    pub(crate) batch: Batch,
    cache: Vec<[u64; BLOCK]>,
    ends: u64,
    pub(crate) step: usize,
    pub(crate) computed: usize,
    pub(crate) finished: BTreeMap<SequenceId, (FinishReason, Vec<u32>)>,
}

impl FakeModel {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            batch: Batch::new(limits),
            cache: vec![[0; BLOCK]; limits.blocks],
            ends: ENDS,
            step: 0,
            computed: 0,
            finished: BTreeMap::new(),
        }
    }

    /// Returns a model that always generates the maximum.
    pub(crate) fn endless(limits: Limits) -> Self {
        Self { ends: NEVER, ..Self::new(limits) }
    }

    pub(crate) fn submit(&mut self, job: Job) -> SequenceId {
        self.batch.submit(at(self.step), job, 1).unwrap()[0]
    }

    /// Runs one step, and checks it.
    pub(crate) fn step(&mut self) -> Plan {
        self.step += 1;
        let plan = self.batch.plan(at(self.step));
        self.batch.check();
        assert!(plan.tokens() <= self.batch.limits().step_tokens);
        assert!(self.batch.usage().running <= self.batch.limits().running);
        let outcomes = self.compute(&plan);
        let mut texts: BTreeMap<_, _> = plan
            .segments
            .iter()
            .map(|segment| (segment.sequence, self.batch.tokens(segment.sequence).to_vec()))
            .collect();
        for Finished { sequence, reason } in self.batch.commit(&plan, &outcomes) {
            let mut text = texts.remove(&sequence).unwrap();
            if let Some((_, StepOutcome::Token(last))) = outcomes.iter().find(|(id, _)| *id == sequence) {
                text.push(*last);
            }
            assert!(self.finished.insert(sequence, (reason, text)).is_none());
        }
        self.batch.check();
        plan
    }

    /// Runs until the batch is empty, for at most this many steps.
    pub(crate) fn drain(&mut self, steps: usize) {
        for _ in 0..steps {
            if self.batch.is_empty() {
                return;
            }
            let plan = self.step();
            assert!(!plan.segments.is_empty(), "a sequence waits, but nothing is computed");
        }
        panic!("{:?} after {steps} steps", self.batch.usage());
    }

    fn compute(&mut self, plan: &Plan) -> Vec<(SequenceId, StepOutcome)> {
        let mut outcomes = Vec::new();
        for segment in &plan.segments {
            let (text, blocks) = (self.batch.tokens(segment.sequence), self.batch.blocks(segment.sequence));
            let mut state = 0;
            for (position, &token) in text[..segment.tokens.end].iter().enumerate() {
                state = mix(state ^ u64::from(token).wrapping_add(1));
                let cell = &mut self.cache[blocks[position / BLOCK] as usize][position % BLOCK];
                if position < segment.tokens.start {
                    assert_eq!(*cell, state, "{segment:?} reads another sequence's values at {position}");
                } else {
                    *cell = state;
                }
            }
            self.computed += segment.tokens.len();
            if segment.sample {
                outcomes.push((segment.sequence, next(state, self.ends)));
            }
        }
        outcomes
    }
}

/// Returns what the model generates for a prompt, computed alone.
pub(crate) fn reference(job: &Job) -> Vec<u32> {
    let mut text = job.prompt.clone();
    let mut state = text.iter().fold(0, |state, token| mix(state ^ u64::from(*token).wrapping_add(1)));
    while text.len() < job.prompt.len() + job.max_new_tokens
        && let StepOutcome::Token(token) = next(state, ENDS)
    {
        text.push(token);
        state = mix(state ^ u64::from(token).wrapping_add(1));
    }
    text
}

fn next(state: u64, ends: u64) -> StepOutcome {
    match mix(state) % ends {
        END => StepOutcome::Ended,
        token => StepOutcome::Token(u32::try_from(token % 3).unwrap()),
    }
}

/// The finaliser of SplitMix64.
pub(crate) fn mix(state: u64) -> u64 {
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}
