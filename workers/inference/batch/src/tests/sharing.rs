use super::model::FakeModel;
use super::{LIMITS, at, job};
use crate::{BLOCK, Batch, FinishReason, Limits, StepOutcome};

const WIDE: Limits = Limits { blocks: 64, step_tokens: 1000, running: 8, ..LIMITS };

#[test]
fn copies_of_one_prompt_compute_it_once() {
    let mut model = FakeModel::endless(WIDE);
    model.batch.submit(at(0), job("a", 0..330, 1), 8).unwrap();
    model.drain(10);
    assert_eq!(model.computed, 330 + 7 * (330 - 320));
    assert_eq!(model.finished.len(), 8);
}

#[test]
fn a_conversation_that_goes_on_finds_what_was_generated_too() {
    let mut model = FakeModel::endless(WIDE);
    let id = model.submit(job("a", 0..100, 40));
    model.drain(50);
    let text = model.finished[&id].1.clone();
    let next = model.submit(job("a", text.into_iter().chain(7..9), 1));
    let plan = model.step();
    assert_eq!((plan.segments[0].sequence, plan.segments[0].tokens.start), (next, 128));
}

#[test]
fn those_that_share_hold_a_block_together() {
    let mut model = FakeModel::endless(WIDE);
    for tail in 0..4 {
        model.submit(job("a", (0..160).chain([500 + tail]), 10));
    }
    (0..7).for_each(|_| drop(model.step()));
    assert_eq!(model.batch.usage().running, 4);
    assert_eq!(model.batch.usage().held, 160 / BLOCK + 4);
}

#[test]
fn the_least_recently_used_text_is_evicted_first() {
    let mut model = FakeModel::endless(Limits { blocks: 8, ..WIDE });
    let text = |n: u32| (0..64).map(move |at| n * 1000 + at);
    for n in [1, 2, 3, 1, 4] {
        model.submit(job("a", text(n).chain([9]), 1));
        model.drain(5);
    }
    let found = |model: &mut FakeModel, n| {
        model.submit(job("a", text(n).chain([9]), 1));
        let start = model.step().segments[0].tokens.start;
        model.drain(5);
        start
    };
    assert_eq!(found(&mut model, 1), 64);
    assert_eq!(found(&mut model, 4), 64);
    assert!(found(&mut model, 2) < 64);
}

#[test]
fn what_a_failed_sequence_computed_is_not_found_again() {
    let mut batch = Batch::new(WIDE);
    let id = batch.submit(at(0), job("a", 0..100, 5), 1).unwrap()[0];
    let plan = batch.plan(at(1));
    batch.commit(&plan, &[(id, StepOutcome::Token(1))]);
    let plan = batch.plan(at(2));
    let finished = batch.commit(&plan, &[(id, StepOutcome::Failed)]);
    assert_eq!(finished[0].reason, FinishReason::Failed);
    batch.check();
    batch.submit(at(3), job("a", 0..100, 5), 1).unwrap();
    assert_eq!(batch.plan(at(4)).segments[0].tokens.start, 0);
}
