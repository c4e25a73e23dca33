//! What a scheduler does with jobs that it finds in the store, or that others change.

use cortex_domain::event::Event;
use cortex_domain::id::DispatchId;
use cortex_domain::job::Job;
use cortex_domain::policy::Decision;
use cortex_domain::state::{Attempt, Failure, FailureKind, Lease, Target};
use cortex_domain::time::{Timestamp, Uptime};
use cortex_domain::transition::Change;

use super::fixtures::{NOW, allow, apply, committed, job, lease, load, running, scheduled, state};
use super::{done, workers};
use crate::core::{Action, Input, Now};

#[test]
fn a_job_that_was_placed_and_never_sent_is_placed_again_and_loses_no_attempt() {
    let mut state = state();
    let actions = load(&mut state, Input::OpenJobs { jobs: vec![scheduled()] }, scheduled());
    assert_eq!(committed(&actions), ["returned"]);
}

#[test]
fn a_job_that_was_placed_and_whose_worker_reports_was_sent() {
    let mut state = state();
    let event = Event::Started { lease: lease(), worker: workers::name(0) };
    let report = Input::Reported { job: job().id(), event, worker: workers::name(0) };
    let actions = load(&mut state, report, scheduled());
    assert_eq!(committed(&actions), ["dispatched", "started"]);
}

#[test]
fn a_running_job_continues_and_its_lease_gets_a_full_period() {
    let mut state = state();
    assert!(load(&mut state, Input::OpenJobs { jobs: vec![running()] }, running()).is_empty());
    assert_eq!(state.fleet.dispatches().len(), 1);
    assert!(apply(&mut state, Input::Tick).is_empty());
}

#[test]
fn a_job_that_another_component_ended_is_dropped_and_its_slot_is_freed() {
    let mut state = state();
    load(&mut state, Input::OpenJobs { jobs: vec![running()] }, running());
    let ended = Change::of(running()).then(Event::Cancelled { reason: "enough".into() }, NOW).unwrap();
    load(&mut state, Input::Changed { job: job().id() }, ended.into_job());
    assert!(state.is_idle());
}

#[test]
fn a_job_that_another_component_ended_while_it_was_saved_is_dropped() {
    let mut state = state();
    load(&mut state, Input::OpenJobs { jobs: vec![running()] }, running());
    let done = Event::Failed {
        lease: lease(),
        failure: cortex_domain::state::Failure::new(cortex_domain::state::FailureKind::Broken, "x"),
    };
    let report = Input::Reported { job: job().id(), event: done, worker: workers::name(0) };
    assert_eq!(committed(&load(&mut state, report, running())), ["failed"]);
    assert!(apply(&mut state, Input::Changed { job: job().id() }).is_empty());
    let conflict = Input::Saved { job: job().id(), outcome: Err(crate::core::SaveError::Conflict) };
    let cancelled = Change::of(running()).then(Event::Cancelled { reason: "enough".into() }, NOW).unwrap();
    assert!(load(&mut state, conflict, cancelled.into_job()).is_empty());
    assert!(state.is_idle());
}

#[test]
fn a_job_that_changed_while_its_start_was_saved_is_read_again() {
    let mut state = state();
    let dispatched =
        Change::of(scheduled()).then(Event::Dispatched { lease: lease() }, NOW).unwrap().into_job();
    load(&mut state, Input::OpenJobs { jobs: vec![dispatched.clone()] }, dispatched.clone());
    let started = Event::Started { lease: lease(), worker: workers::name(0) };
    let report = Input::Reported { job: job().id(), event: started, worker: workers::name(0) };
    assert_eq!(committed(&load(&mut state, report, dispatched)), ["started"]);
    assert!(apply(&mut state, Input::Changed { job: job().id() }).is_empty());
    let saved = Input::Saved { job: job().id(), outcome: Ok(Box::new(running())) };
    assert!(matches!(apply(&mut state, saved)[..], [Action::Load { .. }]));
}

#[test]
fn a_stale_report_does_not_renew_the_lease_of_a_silent_worker() {
    let mut state = state();
    load(&mut state, Input::OpenJobs { jobs: vec![running()] }, running());
    let stale = Lease { attempt: Attempt(0), dispatch: DispatchId::new([6; 16]) };
    let mut dispatch = || DispatchId::new([9; 16]);
    for second in 1..=11 {
        let awake = Uptime::from_millis(second * 1000);
        let event = Event::Started { lease: stale, worker: workers::name(1) };
        let report = Input::Reported { job: job().id(), event, worker: workers::name(1) };
        let actions = done(state.apply(report, Now { wall: NOW, awake, dispatch: &mut dispatch }));
        assert!(actions.is_empty(), "{actions:?}");
    }
    let awake = Uptime::from_millis(11_000);
    let lapsed = done(state.apply(Input::Tick, Now { wall: NOW, awake, dispatch: &mut dispatch }));
    assert!(matches!(lapsed[..], [Action::Load { .. }]), "{lapsed:?}");
    let found = Input::Loaded { job: job().id(), found: Ok(Some(Box::new(running()))) };
    assert_eq!(committed(&apply(&mut state, found)), ["failed"]);
}

fn failed(lease: Lease, detail: String) -> Input<()> {
    let failure = Failure::new(FailureKind::Broken, detail);
    let event = Event::Failed { lease, failure };
    Input::Reported { job: job().id(), event, worker: workers::name(0) }
}

#[test]
fn a_deadline_that_passes_while_a_job_is_saved_is_not_lost_among_many_reports() {
    let mut state = state();
    let mut request = job().request;
    request.limits.deadline = Some(NOW);
    let late = Job { request, ..running() };
    let event = Event::Started { lease: lease(), worker: workers::name(0) };
    let report = Input::Reported { job: job().id(), event, worker: workers::name(0) };
    apply(&mut state, report);
    let started = Job { state: scheduled().state, ..late.clone() };
    let found = Input::Loaded { job: job().id(), found: Ok(Some(Box::new(started))) };
    assert_eq!(committed(&apply(&mut state, found)), ["dispatched", "started"]);
    for n in 0..100 {
        apply(&mut state, failed(lease(), n.to_string()));
    }
    apply(&mut state, Input::Tick);
    let saved = apply(&mut state, Input::Saved { job: job().id(), outcome: Ok(Box::new(late)) });
    let [Action::Commit { change }] = &saved[..] else { panic!("{saved:?}") };
    assert_eq!(change.entries().len(), 2, "it failed, and then its deadline passed");
    assert_eq!(change.job().state.name().as_str(), "TIMEOUT");
}

#[test]
fn reports_under_an_older_lease_do_not_displace_those_of_the_current_one() {
    let mut state = state();
    apply(&mut state, Input::Submitted { job: job().id() });
    for n in 0..100 {
        apply(&mut state, failed(Lease { attempt: Attempt(0), ..lease() }, n.to_string()));
    }
    apply(&mut state, failed(lease(), "it broke".into()));
    let found = Input::Loaded { job: job().id(), found: Ok(Some(Box::new(running()))) };
    assert_eq!(committed(&apply(&mut state, found)), ["failed"]);
}

#[test]
fn a_job_throttled_until_a_time_in_the_past_still_waits_a_while() {
    let mut state = state();
    let asked = load(&mut state, Input::Submitted { job: job().id() }, job());
    let [Action::Ask { ask, .. }] = asked[..] else { panic!("{asked:?}") };
    let decision = Ok(Decision::throttle(Timestamp::from_millis(1)));
    let held = apply(&mut state, Input::Decided { job: job().id(), ask, decision });
    assert_eq!(committed(&held), ["held"]);
    let [Action::Commit { change }] = &held[..] else { panic!("{held:?}") };
    let saved = Input::Saved { job: job().id(), outcome: Ok(Box::new(change.job().clone())) };
    assert!(apply(&mut state, saved).is_empty());
}

#[test]
fn a_job_that_a_worker_returned_goes_to_another_worker() {
    for returns in [0, 1] {
        let mut state = state();
        for n in [0, 1] {
            let worker = Box::new(workers::candidate(n, false));
            apply(&mut state, Input::Heartbeat { worker, held: vec![] });
        }
        let dispatched = Change::of(scheduled()).then(Event::Dispatched { lease: lease() }, NOW).unwrap();
        let target = Target::Worker(workers::name(returns));
        let state_of = cortex_domain::state::State::Dispatched { lease: lease(), target };
        let dispatched = Job { state: state_of, ..dispatched.into_job() };
        load(&mut state, Input::OpenJobs { jobs: vec![dispatched.clone()] }, dispatched.clone());
        let (event, worker) = (Event::Returned { lease: lease() }, workers::name(returns));
        let returned = load(&mut state, Input::Reported { job: job().id(), event, worker }, dispatched);
        let [Action::Commit { change }] = &returned[..] else { panic!("{returned:?}") };
        let saved = Input::Saved { job: job().id(), outcome: Ok(Box::new(change.job().clone())) };
        let asked = apply(&mut state, saved);
        let [Action::Ask { ask, .. }] = asked[..] else { panic!("{asked:?}") };
        let placed = apply(&mut state, Input::Decided { job: job().id(), ask, decision: Ok(allow()) });
        let [Action::Commit { change }] = &placed[..] else { panic!("{placed:?}") };
        assert_eq!(change.job().state.worker(), Some(&workers::name(1 - returns)));
    }
}
