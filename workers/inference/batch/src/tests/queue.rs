use super::model::FakeModel;
use super::{LIMITS, at, job};
use crate::{Batch, Limits, QueueError, StepOutcome};

#[test]
fn what_could_never_fit_is_refused_at_once_with_both_numbers() {
    let mut batch = Batch::new(LIMITS);
    let rejected = batch.submit(at(0), job("a", [1], 5000), 1).unwrap_err();
    assert_eq!(rejected, QueueError::TooLong { tokens: 5001, max: 24 * 32 + 1 });
    let mut batch = Batch::new(Limits { context: 100, ..LIMITS });
    let rejected = batch.submit(at(0), job("a", 0..90, 11), 1).unwrap_err();
    assert_eq!(rejected, QueueError::TooLong { tokens: 101, max: 100 });
    let rejected = batch.submit(at(0), job("a", 0..9, 1), 201).unwrap_err();
    assert_eq!(rejected, QueueError::TooMany { given: 201, max: 200 });
    assert_eq!(batch.submit(at(0), job("a", [], 1), 1), Err(QueueError::Empty));
}

#[test]
fn the_longest_that_fits_runs_to_its_end() {
    let limits = Limits { blocks: 3, ..LIMITS };
    let mut model = FakeModel::endless(limits);
    let longest = limits.longest();
    model.submit(job("a", (0..u32::try_from(longest - 1).unwrap()).map(|n| n % 3), 1));
    model.drain(10);
    assert_eq!(model.finished.len(), 1);
}

#[test]
fn a_full_queue_says_when_to_retry() {
    let mut model = FakeModel::endless(Limits { waiting: 100, running: 4, ..LIMITS });
    let mut n = 0;
    let mut submit = |model: &mut FakeModel| {
        n += 1;
        model.batch.submit(at(model.step), job("a", [n], 60), 1)
    };
    // Steps of a tenth of a second, with a full queue for a while.
    let mut estimate = None;
    for _ in 0..600 {
        while submit(&mut model).is_ok() {}
        model.step += 9;
        model.step();
        estimate = Some(submit(&mut model).map_or_else(|rejected| rejected, |_| QueueError::Empty));
    }
    let waiting = model.batch.usage().waiting;
    let before = model.finished.len();
    let (start, mut steps) = (model.step, 0);
    while model.finished.len() < before + waiting {
        model.step += 9;
        model.step();
        steps += 1;
    }
    let took = (at(model.step) - at(start)).as_secs_f64();
    if let Some(QueueError::Full { retry_after }) = estimate {
        let ratio = retry_after.as_secs_f64() / took;
        assert!((0.5..2.0).contains(&ratio), "estimated {retry_after:?}, took {took} s in {steps} steps");
    }
}

#[test]
fn a_deadline_that_passes_frees_the_place_in_the_next_step() {
    let mut model = FakeModel::endless(LIMITS);
    let mut late = job("a", 0..50, 60);
    late.deadline = Some(at(3));
    let id = model.submit(late);
    model.step();
    assert!(model.batch.usage().held > 0);
    assert_eq!(model.batch.next_deadline(), Some(at(3)));
    model.step();
    let plan = model.step();
    assert_eq!(plan.expired, [id]);
    assert_eq!((model.batch.usage().held, plan.segments.len()), (0, 0));
}

#[test]
fn a_sequence_cancelled_between_plan_and_commit_is_passed_over() {
    let mut batch = Batch::new(LIMITS);
    let id = batch.submit(at(0), job("a", 0..5, 5), 1).unwrap()[0];
    let plan = batch.plan(at(1));
    assert!(batch.cancel(id));
    assert!(!batch.cancel(id));
    assert!(batch.commit(&plan, &[(id, StepOutcome::Token(1))]).is_empty());
    batch.check();
    assert!(batch.is_empty());
}

#[test]
fn a_plan_that_is_dropped_is_made_again() {
    let mut batch = Batch::new(LIMITS);
    batch.submit(at(0), job("a", 0..5, 5), 1).unwrap();
    let first = batch.plan(at(1));
    assert_eq!(batch.plan(at(2)).segments, first.segments);
    batch.commit(&first, &[]);
    assert_eq!(batch.plan(at(3)).segments, first.segments);
}
