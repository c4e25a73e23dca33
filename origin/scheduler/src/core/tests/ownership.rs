//! What a scheduler does when its shares change.

use cortex_domain::event::Event;
use cortex_domain::share::{Share, Terms};
use cortex_domain::transition::Change;

use super::fixtures::{allow, apply, job, lease, load, scheduled, state};
use super::workers;
use crate::core::{Action, Input, State};

/// Places the job, up to the commit.
fn place(state: &mut State<()>) -> Change {
    let asked = load(state, Input::OpenJobs { jobs: vec![job()] }, job());
    let [Action::Ask { ask, .. }] = asked[..] else { panic!("{asked:?}") };
    let mut placed = apply(state, Input::Decided { job: job().id(), ask, decision: Ok(allow()) });
    let Some(Action::Commit { change }) = placed.pop() else { panic!("{placed:?}") };
    *change
}

#[test]
fn the_late_outcome_of_a_commit_from_before_a_share_was_lost_sends_nothing() {
    let mut state = state();
    let worker = Box::new(workers::candidate(0, false));
    apply(&mut state, Input::Heartbeat { worker, held: vec![] });
    place(&mut state);
    apply(&mut state, Input::Owned { terms: Terms::default() });
    apply(&mut state, Input::Owned { terms: Terms::sole() });
    let change = place(&mut state);
    assert_ne!(change.job().state.lease(), Some(lease()));
    let late = Input::Saved { job: job().id(), outcome: Ok(Box::new(scheduled())) };
    assert!(apply(&mut state, late).is_empty(), "the store may know another lease");
    let saved = Input::Saved { job: job().id(), outcome: Ok(Box::new(change.into_job())) };
    assert!(matches!(apply(&mut state, saved)[..], [Action::Send { .. }]));
}

#[test]
fn a_report_about_a_share_of_another_scheduler_is_left_to_it() {
    let mut state = state();
    apply(&mut state, Input::Owned { terms: Terms::default() });
    let event = Event::Returned { lease: lease() };
    let report = Input::Reported { job: job().id(), event, worker: workers::name(0) };
    assert!(matches!(apply(&mut state, report)[..], [Action::Leave]));
    assert!(state.is_idle());
}

#[test]
fn a_report_under_a_lease_that_names_another_share_than_its_job_is_dropped() {
    let own: Share = lease().dispatch.share();
    assert_ne!(own, Share::of(job().tenant()), "the fixture's lease is not of the job's share");
    let mut state = state();
    let terms = Terms::sole().iter().filter(|term| term.share == own).collect();
    apply(&mut state, Input::Owned { terms });
    let forged = Event::Returned { lease: lease() };
    let report = Input::Reported { job: job().id(), event: forged, worker: workers::name(0) };
    let actions = load(&mut state, report, job());
    assert!(!actions.iter().any(|action| matches!(action, Action::Leave)), "{actions:?}");
    assert!(state.is_idle());
    // A job that was submitted under another share is delivered again.
    let submitted = load(&mut state, Input::Submitted { job: job().id() }, job());
    assert!(matches!(submitted[..], [Action::Leave]), "{submitted:?}");
}
