//! A stand-in for a model: its keys and values are hashes of all the tokens so far, and it checks those it reads.

use std::collections::BTreeMap;

use super::at;
use crate::{BLOCK, Batch, Finish, Finished, Job, Limits, Plan, SequenceId, Verdict};

/// The token with which the model ends a text.
const END: u64 = 0;
/// One token in so many ends a text.
const ENDS: u64 = 40;
const NEVER: u64 = u64::MAX;

#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) batch: Batch,
    cache: Vec<[u64; BLOCK]>,
    ends: u64,
    pub(crate) step: usize,
    pub(crate) computed: usize,
    pub(crate) finished: BTreeMap<SequenceId, (Finish, Vec<u32>)>,
}

impl Machine {
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

    /// A model that always writes as much as it may.
    pub(crate) fn endless(limits: Limits) -> Self {
        Self { ends: NEVER, ..Self::new(limits) }
    }

    pub(crate) fn submit(&mut self, job: Job) -> SequenceId {
        self.batch.submit(at(self.step), job, 1).unwrap()[0]
    }

    /// One step, checked.
    pub(crate) fn step(&mut self) -> Plan {
        self.step += 1;
        let plan = self.batch.plan(at(self.step));
        self.batch.check();
        assert!(plan.tokens() <= self.batch.limits().step_tokens);
        assert!(self.batch.usage().running <= self.batch.limits().running);
        let verdicts = self.compute(&plan);
        let mut texts: BTreeMap<_, _> = plan
            .parts
            .iter()
            .map(|part| (part.sequence, self.batch.tokens(part.sequence).to_vec()))
            .collect();
        for Finished { sequence, why } in self.batch.committed(&plan, &verdicts) {
            let mut text = texts.remove(&sequence).unwrap();
            if let Some((_, Verdict::Token(last))) = verdicts.iter().find(|(id, _)| *id == sequence) {
                text.push(*last);
            }
            assert!(self.finished.insert(sequence, (why, text)).is_none());
        }
        self.batch.check();
        plan
    }

    /// Runs until nothing is left, at most so many steps.
    pub(crate) fn drain(&mut self, steps: usize) {
        for _ in 0..steps {
            if self.batch.is_empty() {
                return;
            }
            let plan = self.step();
            assert!(!plan.parts.is_empty(), "somebody waits and nothing is computed");
        }
        panic!("{:?} after {steps} steps", self.batch.usage());
    }

    fn compute(&mut self, plan: &Plan) -> Vec<(SequenceId, Verdict)> {
        let mut verdicts = Vec::new();
        for part in &plan.parts {
            let (text, blocks) = (self.batch.tokens(part.sequence), self.batch.blocks(part.sequence));
            let mut state = 0;
            for (position, &token) in text[..part.tokens.end].iter().enumerate() {
                state = mix(state ^ u64::from(token).wrapping_add(1));
                let cell = &mut self.cache[blocks[position / BLOCK] as usize][position % BLOCK];
                if position < part.tokens.start {
                    assert_eq!(*cell, state, "{part:?} reads what isn't its own at {position}");
                } else {
                    *cell = state;
                }
            }
            self.computed += part.tokens.len();
            if part.sample {
                verdicts.push((part.sequence, next(state, self.ends)));
            }
        }
        verdicts
    }
}

/// What the model writes after a prompt, computed alone.
pub(crate) fn alone(job: &Job) -> Vec<u32> {
    let mut text = job.prompt.clone();
    let mut state = text.iter().fold(0, |state, token| mix(state ^ u64::from(*token).wrapping_add(1)));
    while text.len() < job.prompt.len() + job.most_new
        && let Verdict::Token(token) = next(state, ENDS)
    {
        text.push(token);
        state = mix(state ^ u64::from(token).wrapping_add(1));
    }
    text
}

fn next(state: u64, ends: u64) -> Verdict {
    match mix(state) % ends {
        END => Verdict::Ended,
        token => Verdict::Token(u32::try_from(token % 3).unwrap()),
    }
}

/// SplitMix64's finish.
pub(crate) fn mix(state: u64) -> u64 {
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}
