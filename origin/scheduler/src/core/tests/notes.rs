//! What the log tells an operator.

use cortex_domain::event::Event;
use cortex_domain::id::DispatchId;
use cortex_domain::state::{Attempt, FailureKind, Lease};
use cortex_domain::time::Uptime;

use super::fixtures::{NOW, job, running, state};
use super::workers;
use crate::core::{Action, Input, Note, Now, SaveError, State};

/// Returns the notes of a step.
fn noted(state: &mut State<()>, seconds: u64, input: Input<()>) -> Vec<Note> {
    let mut dispatch = || DispatchId::new([9; 16]);
    let now = Now { wall: NOW, awake: Uptime::from_millis(seconds * 1000), dispatch: &mut dispatch };
    let notes = state.apply(input, now).into_iter().filter_map(|action| match action {
        Action::Note(note) => Some(note),
        _ => None,
    });
    notes.collect()
}

fn runs() -> State<()> {
    let mut state = state();
    noted(&mut state, 0, Input::OpenJobs { jobs: vec![running()] });
    noted(&mut state, 0, Input::Loaded { job: job().id(), found: Ok(Some(Box::new(running()))) });
    state
}

fn failed(attempt: u32) -> Input<()> {
    let lease = Lease { attempt: Attempt(attempt), dispatch: DispatchId::new([7; 16]) };
    let failure = cortex_domain::state::Failure::new(FailureKind::Broken, "it broke");
    Input::Reported { job: job().id(), event: Event::Failed { lease, failure }, worker: workers::name(0) }
}

#[test]
fn a_report_that_changes_nothing_is_noted() {
    let mut state = runs();
    let (job, worker) = (job().id(), Some(workers::name(0)));
    assert_eq!(noted(&mut state, 0, failed(2)), [Note::Stale { job, worker, event: "failed" }]);
    assert_eq!(noted(&mut state, 0, failed(1)), []);
}

#[test]
fn a_silent_worker_is_noted_once() {
    let mut state = runs();
    let lapsed = Note::Lapsed { job: job().id(), worker: workers::name(0), kind: FailureKind::Silent };
    assert_eq!(noted(&mut state, 11, Input::Tick), [lapsed]);
    assert_eq!(noted(&mut state, 11, Input::Tick), []);
    let saved = Input::Saved { job: job().id(), outcome: Err(SaveError::Failed) };
    assert_eq!(noted(&mut state, 11, saved), []);
    assert_eq!(noted(&mut state, 11, Input::Tick), []);
}

#[test]
fn a_report_that_finds_too_many_waiting_is_noted() {
    let mut state = runs();
    noted(&mut state, 0, failed(1));
    noted(&mut state, 0, Input::Loaded { job: job().id(), found: Ok(Some(Box::new(running()))) });
    let mut dropped = Vec::new();
    for n in 0..10 {
        let lease = Lease { attempt: Attempt(1), dispatch: DispatchId::new([7; 16]) };
        let failure = cortex_domain::state::Failure::new(FailureKind::Broken, format!("{n}"));
        let event = Event::Failed { lease, failure };
        let report = Input::Reported { job: job().id(), event, worker: workers::name(0) };
        dropped.extend(noted(&mut state, 0, report));
    }
    let dropped_one = Note::TooManyReports { job: job().id(), worker: Some(workers::name(0)) };
    assert_eq!(dropped, [dropped_one.clone(), dropped_one]);
}
