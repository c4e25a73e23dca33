//! Whole runs of a batch on a fake model that checks what it reads.

mod fairness;
mod model;
mod preemption;
mod properties;
mod queue;
mod scopes;
mod sharing;
mod simulation;

use std::num::NonZeroU32;
use std::time::Duration;

use crate::{Batch, Job, Limits};

pub(crate) const LIMITS: Limits =
    Limits { blocks: 24, step_tokens: 40, running: 6, waiting: 400, context: 4096 };

pub(crate) fn job(tenant: &str, prompt: impl IntoIterator<Item = u32>, max_new_tokens: usize) -> Job {
    Job {
        tenant: tenant.into(),
        weight: NonZeroU32::MIN,
        prompt: prompt.into_iter().collect(),
        shared: 0,
        max_new_tokens,
        deadline: None,
    }
}

pub(crate) fn at(step: usize) -> Duration {
    Duration::from_millis(step as u64 * 10)
}

impl Batch {
    /// Panics unless blocks, sequences and tenants agree.
    pub(crate) fn check(&self) {
        let mut holdings = std::collections::BTreeMap::new();
        for (_, sequence) in self.running() {
            let place = sequence.place().expect("a running sequence has a place");
            assert!(place.blocks.len() * crate::BLOCK >= place.computed);
            for &block in &place.blocks {
                *holdings.entry(block).or_insert(0) += 1;
            }
        }
        self.blocks.check(&holdings);
        for (id, sequence) in &self.sequences {
            let account =
                self.tenants.account(&sequence.tenant).expect("a tenant with a sequence has an account");
            assert_eq!(account.running.contains(id), sequence.place().is_some());
            assert_eq!(account.waiting.contains(id), sequence.place().is_none());
            assert_eq!(self.running.contains(id), sequence.place().is_some());
        }
    }
}
