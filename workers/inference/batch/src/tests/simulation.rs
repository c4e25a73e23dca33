use std::collections::BTreeMap;

use super::model::{FakeModel, mix, reference};
use super::{LIMITS, at, job};
use crate::{Job, Limits, QueueError, SequenceId};

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(1);
        mix(self.0) % bound
    }

    fn job(&mut self, step: usize) -> Job {
        // A few beginnings that many jobs share, each with a tail of its own.
        let beginning = self.below(5);
        let shared = self.below(120);
        let own = self.below(70) + 1;
        let seed = self.below(1 << 40);
        let prompt = (0..shared).map(|n| mix(beginning << 32 | n) as u32 % 3);
        let prompt: Vec<u32> = prompt.chain((0..own).map(|n| mix(seed + n) as u32 % 3)).collect();
        let tenant = ["a", "a", "a", "a", "a", "b", "c"][self.below(7) as usize];
        let max_new_tokens = self.below(90) as usize + 1;
        let mut job = job(tenant, prompt, max_new_tokens);
        if self.below(3) == 0 {
            job.shared = shared as usize;
        }
        if self.below(12) == 0 {
            job.deadline = Some(at(step + self.below(300) as usize));
        }
        job
    }
}

/// Runs random jobs for one seed. Returns all plans, and the model.
fn run(seed: u64, limits: Limits, arrivals: usize) -> (Vec<crate::Plan>, FakeModel) {
    let mut random = Random(seed);
    let mut model = FakeModel::new(limits);
    let mut jobs: BTreeMap<SequenceId, Job> = BTreeMap::new();
    let mut removed = Vec::new();
    let mut plans = Vec::new();
    while jobs.len() < arrivals {
        for _ in 0..random.below(3) {
            let job = random.job(model.step);
            match model.batch.submit(at(model.step), job.clone(), 1) {
                Ok(ids) => drop(jobs.insert(ids[0], job)),
                Err(QueueError::Full { retry_after }) => assert!(retry_after.as_secs() >= 1),
                Err(rejected) => panic!("{rejected}"),
            }
        }
        if random.below(6) == 0
            && let Some((&id, _)) = jobs.iter().nth(random.below(jobs.len().max(1) as u64) as usize)
            && model.batch.cancel(id)
        {
            removed.push(id);
        }
        let plan = model.step();
        removed.extend(&plan.expired);
        plans.push(plan);
    }
    while !model.batch.is_empty() {
        assert!(plans.len() < arrivals * 200, "{:?}", model.batch.usage());
        let plan = model.step();
        removed.extend(&plan.expired);
        plans.push(plan);
    }
    let usage = model.batch.usage();
    assert_eq!((usage.held, usage.running, usage.waiting), (0, 0, 0));
    for (id, job) in &jobs {
        match model.finished.get(id) {
            Some((_, text)) => assert_eq!(*text, reference(job), "{id:?} got another answer in the batch"),
            None => assert!(removed.contains(id), "{id:?} never finished"),
        }
    }
    (plans, model)
}

#[test]
fn thousands_of_jobs_get_the_same_answers_as_alone() {
    for seed in 0..6 {
        let (plans, model) = run(seed * 1_000_003, LIMITS, 500);
        assert!(model.finished.len() > 200);
        assert!(plans.iter().any(|plan| !plan.preempted.is_empty()), "the room was never short");
    }
}

#[test]
fn a_cache_that_is_too_small_for_two_still_serves_all() {
    let limits = Limits { blocks: 9, ..LIMITS };
    run(7, limits, 300);
}

#[test]
fn the_same_arrivals_make_the_same_plans() {
    assert_eq!(run(42, LIMITS, 300).0, run(42, LIMITS, 300).0);
}
