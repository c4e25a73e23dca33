use proptest::prelude::*;

use super::job;
use super::model::{FakeModel, reference};
use crate::{BLOCK, Limits};

prop_compose! {
    fn limits()(blocks in 4usize..40, step_tokens in 1usize..100, running in 1usize..9) -> Limits {
        Limits { blocks, step_tokens, running, waiting: 200, context: 4096 }
    }
}

prop_compose! {
    /// When a job arrives, its tenant, its shared beginning and its length, its own tail, how many
    /// tokens it may generate, and when it is cancelled, if it is.
    fn arrival()(
        step in 0usize..60,
        tenant in 0usize..4,
        beginning in 0u32..3,
        shared in 0usize..90,
        tail in prop::collection::vec(0u32..3, 1..20),
        max_new_tokens in 1usize..60,
        cancelled in prop::option::weighted(0.2, 0usize..80),
    ) -> (usize, usize, Vec<u32>, usize, Option<usize>) {
        let prompt = (0..shared).map(|_| beginning).chain(tail).collect();
        (step, tenant, prompt, max_new_tokens, cancelled)
    }
}

proptest! {
    #[test]
    fn any_arrivals_that_can_run_are_answered_as_if_alone(
        limits in limits(),
        arrivals in prop::collection::vec(arrival(), 1..40),
    ) {
        let mut model = FakeModel::new(limits);
        let mut taken = Vec::new();
        for step in 0..140 {
            for (_, tenant, prompt, max_new_tokens, cancelled) in arrivals.iter().filter(|arrival| arrival.0 == step) {
                let job = job(["a", "b", "c", "d"][*tenant], prompt.iter().copied(), *max_new_tokens);
                let fits = prompt.len() + max_new_tokens <= model.batch.limits().longest();
                match model.batch.submit(super::at(step), job.clone(), 1) {
                    Ok(ids) => taken.push((ids[0], job, cancelled.map(|after| step + after))),
                    Err(_) => prop_assert!(!fits),
                }
            }
            for (id, ..) in taken.iter().filter(|(.., cancelled)| *cancelled == Some(step)) {
                model.batch.cancel(*id);
            }
            model.step();
        }
        model.drain(20_000);
        prop_assert_eq!(model.batch.usage().held, 0);
        for (id, job, cancelled) in &taken {
            match model.finished.get(id) {
                Some((_, text)) => prop_assert_eq!(text, &reference(job)),
                None => prop_assert!(cancelled.is_some()),
            }
        }
    }

    #[test]
    fn a_prefix_hit_is_whole_blocks_and_never_all_of_the_prompt(length in 1usize..200, again in 1usize..200) {
        let mut model = FakeModel::new(Limits { blocks: 40, step_tokens: 1000, ..super::LIMITS });
        let text: Vec<u32> = (0..200).collect();
        model.submit(job("a", text[..length].iter().copied(), 1));
        model.drain(10);
        let before = model.computed;
        let id = model.submit(job("a", text[..again].iter().copied(), 1));
        let plan = model.step();
        let most = length.min(again - 1) / BLOCK * BLOCK;
        prop_assert_eq!(plan.segments[0].sequence, id);
        prop_assert_eq!(plan.segments[0].tokens.clone(), most..again);
        prop_assert_eq!(model.computed - before, again - most);
    }
}
