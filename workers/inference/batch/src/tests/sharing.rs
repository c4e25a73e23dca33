use super::machine::Machine;
use super::{LIMITS, at, job};
use crate::{BLOCK, Batch, Finish, Limits, Verdict};

const WIDE: Limits = Limits { blocks: 64, step_tokens: 1000, running: 8, ..LIMITS };

#[test]
fn copies_of_one_prompt_compute_it_once() {
    let mut machine = Machine::endless(WIDE);
    machine.batch.submit(at(0), job("a", 0..330, 1), 8).unwrap();
    machine.drain(10);
    assert_eq!(machine.computed, 330 + 7 * (330 - 320));
    assert_eq!(machine.finished.len(), 8);
}

#[test]
fn a_conversation_that_goes_on_finds_what_was_generated_too() {
    let mut machine = Machine::endless(WIDE);
    let id = machine.submit(job("a", 0..100, 40));
    machine.drain(50);
    let text = machine.finished[&id].1.clone();
    let next = machine.submit(job("a", text.into_iter().chain(7..9), 1));
    let plan = machine.step();
    assert_eq!((plan.parts[0].sequence, plan.parts[0].tokens.start), (next, 128));
}

#[test]
fn those_that_share_hold_a_block_together() {
    let mut machine = Machine::endless(WIDE);
    for tail in 0..4 {
        machine.submit(job("a", (0..160).chain([500 + tail]), 10));
    }
    (0..7).for_each(|_| drop(machine.step()));
    assert_eq!(machine.batch.usage().running, 4);
    assert_eq!(machine.batch.usage().held, 160 / BLOCK + 4);
}

#[test]
fn what_nobody_used_for_longest_is_evicted_first() {
    let mut machine = Machine::endless(Limits { blocks: 8, ..WIDE });
    let text = |n: u32| (0..64).map(move |at| n * 1000 + at);
    for n in [1, 2, 3, 1, 4] {
        machine.submit(job("a", text(n).chain([9]), 1));
        machine.drain(5);
    }
    let found = |machine: &mut Machine, n| {
        machine.submit(job("a", text(n).chain([9]), 1));
        let start = machine.step().parts[0].tokens.start;
        machine.drain(5);
        start
    };
    assert_eq!(found(&mut machine, 1), 64);
    assert_eq!(found(&mut machine, 4), 64);
    assert!(found(&mut machine, 2) < 64);
}

#[test]
fn what_a_failed_sequence_computed_is_not_found_again() {
    let mut batch = Batch::new(WIDE);
    let id = batch.submit(at(0), job("a", 0..100, 5), 1).unwrap()[0];
    let plan = batch.plan(at(1));
    batch.committed(&plan, &[(id, Verdict::Token(1))]);
    let plan = batch.plan(at(2));
    let finished = batch.committed(&plan, &[(id, Verdict::Failed)]);
    assert_eq!(finished[0].why, Finish::Failed);
    batch.check();
    batch.submit(at(3), job("a", 0..100, 5), 1).unwrap();
    assert_eq!(batch.plan(at(4)).parts[0].tokens.start, 0);
}
