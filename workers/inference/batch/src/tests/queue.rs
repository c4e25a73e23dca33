use super::machine::Machine;
use super::{LIMITS, at, job};
use crate::{Batch, Limits, Refused, Verdict};

#[test]
fn what_could_never_fit_is_refused_at_once_with_both_numbers() {
    let mut batch = Batch::new(LIMITS);
    let refused = batch.submit(at(0), job("a", [1], 5000), 1).unwrap_err();
    assert_eq!(refused, Refused::TooLong { tokens: 5001, most: 24 * 32 + 1 });
    let mut batch = Batch::new(Limits { context: 100, ..LIMITS });
    let refused = batch.submit(at(0), job("a", 0..90, 11), 1).unwrap_err();
    assert_eq!(refused, Refused::TooLong { tokens: 101, most: 100 });
    let refused = batch.submit(at(0), job("a", 0..9, 1), 201).unwrap_err();
    assert_eq!(refused, Refused::TooMany { given: 201, most: 200 });
    assert_eq!(batch.submit(at(0), job("a", [], 1), 1), Err(Refused::Empty));
}

#[test]
fn the_longest_that_fits_runs_to_its_end() {
    let limits = Limits { blocks: 3, ..LIMITS };
    let mut machine = Machine::endless(limits);
    let longest = limits.longest();
    machine.submit(job("a", (0..u32::try_from(longest - 1).unwrap()).map(|n| n % 3), 1));
    machine.drain(10);
    assert_eq!(machine.finished.len(), 1);
}

#[test]
fn a_full_queue_says_when_to_come_again() {
    let mut machine = Machine::endless(Limits { waiting: 100, running: 4, ..LIMITS });
    let mut n = 0;
    let mut submit = |machine: &mut Machine| {
        n += 1;
        machine.batch.submit(at(machine.step), job("a", [n], 60), 1)
    };
    // Steps of a tenth of a second, kept full for a while.
    let mut told = None;
    for _ in 0..600 {
        while submit(&mut machine).is_ok() {}
        machine.step += 9;
        machine.step();
        told = Some(submit(&mut machine).map_or_else(|refused| refused, |_| Refused::Empty));
    }
    let waiting = machine.batch.usage().waiting;
    let before = machine.finished.len();
    let (start, mut steps) = (machine.step, 0);
    while machine.finished.len() < before + waiting {
        machine.step += 9;
        machine.step();
        steps += 1;
    }
    let took = (at(machine.step) - at(start)).as_secs_f64();
    if let Some(Refused::Full { retry_after }) = told {
        let ratio = retry_after.as_secs_f64() / took;
        assert!((0.5..2.0).contains(&ratio), "told {retry_after:?}, took {took} s in {steps} steps");
    }
}

#[test]
fn a_deadline_that_passes_frees_the_place_in_the_next_step() {
    let mut machine = Machine::endless(LIMITS);
    let mut late = job("a", 0..50, 60);
    late.deadline = Some(at(3));
    let id = machine.submit(late);
    machine.step();
    assert!(machine.batch.usage().held > 0);
    assert_eq!(machine.batch.next_deadline(), Some(at(3)));
    machine.step();
    let plan = machine.step();
    assert_eq!(plan.expired, [id]);
    assert_eq!((machine.batch.usage().held, plan.parts.len()), (0, 0));
}

#[test]
fn a_sequence_cancelled_between_plan_and_commit_is_passed_over() {
    let mut batch = Batch::new(LIMITS);
    let id = batch.submit(at(0), job("a", 0..5, 5), 1).unwrap()[0];
    let plan = batch.plan(at(1));
    assert!(batch.cancel(id));
    assert!(!batch.cancel(id));
    assert!(batch.committed(&plan, &[(id, Verdict::Token(1))]).is_empty());
    batch.check();
    assert!(batch.is_empty());
}

#[test]
fn a_plan_that_is_dropped_is_made_again() {
    let mut batch = Batch::new(LIMITS);
    batch.submit(at(0), job("a", 0..5, 5), 1).unwrap();
    let first = batch.plan(at(1));
    assert_eq!(batch.plan(at(2)).parts, first.parts);
    batch.committed(&first, &[]);
    assert_eq!(batch.plan(at(3)).parts, first.parts);
}
