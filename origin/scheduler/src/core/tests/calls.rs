//! Synchronous calls as time passes.

use std::time::Duration;

use cortex_domain::call::{CallRefusal, CallReply};
use cortex_domain::event::Event;
use cortex_domain::job::{Durability, Request};
use cortex_domain::share::Terms;
use cortex_domain::state::{Failure, FailureKind, Lease, State as JobState};
use cortex_domain::time::Uptime;
use cortex_domain::transition::Change;
use cortex_domain::worker::HeldLease;

use super::fixtures::{allow, job, state};
use super::{done, workers};
use crate::core::tracked::AskId;
use crate::core::{Action, Input, Now, PersistError, State};
use cortex_domain::id::DispatchId;

const RUN: Duration = Duration::from_secs(300);

fn at(state: &mut State<()>, seconds: u64, input: Input<()>) -> Vec<Action<()>> {
    let mut dispatch = || DispatchId::new([9; 16]);
    let (wall, awake) = (super::fixtures::NOW, Uptime::from_millis(seconds * 1000));
    let actions = state.apply(input, Now { wall, awake, dispatch: &mut dispatch });
    state.assert_invariants();
    done(actions)
}

/// Starts a call, and keeps its worker sending heartbeats.
fn running(state: &mut State<()>) {
    let mut request = job().request;
    request.limits.run = RUN;
    let request = Box::new(Request { ..request });
    let worker = Box::new(workers::candidate(0, false));
    at(state, 0, Input::Heartbeat { worker, held: vec![] });
    let asked = at(state, 0, Input::Called { request, reply: () });
    let [Action::Ask { ask, .. }] = asked[..] else { panic!("{asked:?}") };
    let placed = at(state, 0, Input::Decided { job: job().id(), ask, decision: Ok(allow()) });
    let [Action::Record { lease, .. }] = placed[..] else { panic!("{placed:?}") };
    at(state, 0, Input::Recorded { job: job().id(), lease, taken: true });
    let event = Event::Started { lease, worker: workers::name(0) };
    at(state, 0, Input::Reported { job: job().id(), event, worker: workers::name(0) });
    for second in (2..=RUN.as_secs()).step_by(2) {
        let worker = Box::new(workers::candidate(0, false));
        at(state, second, Input::Heartbeat { worker, held: vec![HeldLease { job: job().id(), lease }] });
        assert!(at(state, second, Input::Tick).is_empty(), "the call was ended after {second} s");
    }
}

#[test]
fn a_call_may_run_for_as_long_as_its_topic_may() {
    running(&mut state());
}

#[test]
fn a_call_that_no_caller_can_wait_for_any_more_is_cancelled() {
    let mut state = state();
    let mut request = job().request;
    request.limits.run = RUN;
    let asked = at(&mut state, 0, Input::Called { request: Box::new(request), reply: () });
    let [Action::Ask { ask, .. }] = asked[..] else { panic!("{asked:?}") };
    // No worker is connected, and the message about the disconnect was lost.
    assert!(at(&mut state, 0, Input::Decided { job: job().id(), ask, decision: Ok(allow()) }).is_empty());
    assert!(at(&mut state, RUN.as_secs() + 60, Input::Tick).is_empty());
    let ended = at(&mut state, RUN.as_secs() + 121, Input::Tick);
    let [Action::Answer { history, .. }] = &ended[..] else { panic!("{ended:?}") };
    assert!(matches!(history.job().state, JobState::Cancelled { .. }));
}

/// Starts a call whose worker fails. Returns the request for the new decision.
fn deciding_again(state: &mut State<()>) -> AskId {
    let worker = Box::new(workers::candidate(0, false));
    at(state, 0, Input::Heartbeat { worker, held: vec![] });
    let lease = sent(state);
    let failure = Failure::new(FailureKind::Broken, "it broke");
    let event = Event::Failed { lease, failure };
    at(state, 0, Input::Reported { job: job().id(), event, worker: workers::name(0) });
    let mut dispatch = || DispatchId::new([8; 16]);
    let wall = super::fixtures::NOW.after(Duration::from_secs(1));
    let now = Now { wall, awake: Uptime::from_millis(1000), dispatch: &mut dispatch };
    let asked = state.apply(Input::Tick, now);
    let [Action::Ask { ask, .. }] = asked[..] else { panic!("{asked:?}") };
    ask
}

/// Starts a call, up to the point where it is sent.
fn sent(state: &mut State<()>) -> Lease {
    let asked = at(state, 0, Input::Called { request: Box::new(job().request), reply: () });
    let [Action::Ask { ask, .. }] = asked[..] else { panic!("{asked:?}") };
    let placed = at(state, 0, Input::Decided { job: job().id(), ask, decision: Ok(allow()) });
    let [Action::Record { lease, ref entries, .. }] = placed[..] else { panic!("{placed:?}") };
    assert_eq!(entries[0].decision, "ALLOW");
    let sent = at(state, 0, Input::Recorded { job: job().id(), lease, taken: true });
    assert!(matches!(&sent[..], [Action::Send { assignment }] if assignment.lease() == lease), "{sent:?}");
    lease
}

/// Returns the answer to a caller that was rejected, with the history of the call.
fn given_up(actions: &[Action<()>]) -> (&Change, CallRefusal) {
    let answer = actions.iter().find(|action| action.answers());
    let Some(Action::Answer { history, called: CallReply::Refused(refusal), .. }) = answer else {
        panic!("{actions:?}")
    };
    (history, *refusal)
}

#[test]
fn a_call_whose_decision_cannot_be_recorded_is_not_sent() {
    let mut state = state();
    let worker = Box::new(workers::candidate(0, false));
    at(&mut state, 0, Input::Heartbeat { worker, held: vec![] });
    let asked = at(&mut state, 0, Input::Called { request: Box::new(job().request), reply: () });
    let [Action::Ask { ask, .. }] = asked[..] else { panic!("{asked:?}") };
    let placed = at(&mut state, 0, Input::Decided { job: job().id(), ask, decision: Ok(allow()) });
    let [Action::Record { lease, .. }] = placed[..] else { panic!("{placed:?}") };
    let refused = at(&mut state, 0, Input::Recorded { job: job().id(), lease, taken: false });
    assert_eq!(given_up(&refused).1, CallRefusal::Overloaded);
    assert!(!refused.iter().any(|action| matches!(action, Action::Send { .. })), "{refused:?}");
    at(&mut state, 2, Input::Tick);
    assert!(state.is_idle());
}

#[test]
fn a_call_that_ran_and_gets_no_new_decision_is_refused_with_its_history() {
    let mut state = state();
    let ask = deciding_again(&mut state);
    let refused = at(&mut state, 2, Input::Decided { job: job().id(), ask, decision: Err(()) });
    let (history, refusal) = given_up(&refused);
    assert_eq!(refusal, CallRefusal::Unjudged);
    let names: Vec<_> = history.entries().iter().map(|entry| entry.event.name()).collect();
    let ran =
        ["accepted", "cleared", "scheduled", "dispatched", "started", "failed", "released", "cancelled"];
    assert_eq!(names, ran);
}

#[test]
fn a_call_that_runs_when_the_scheduler_stops_is_refused_with_its_history() {
    let mut state = state();
    let worker = Box::new(workers::candidate(0, false));
    at(&mut state, 0, Input::Heartbeat { worker, held: vec![] });
    sent(&mut state);
    let refused = at(&mut state, 1, Input::Stopping);
    assert_eq!(given_up(&refused).1, CallRefusal::Stopping);
}

#[test]
fn a_call_that_is_becoming_durable_when_the_scheduler_stops_is_refused() {
    let mut state = state();
    let worker = Box::new(workers::candidate(0, false));
    at(&mut state, 0, Input::Heartbeat { worker, held: vec![] });
    sent(&mut state);
    let kept = at(&mut state, 1, Input::Detached { job: job().id() });
    assert!(matches!(kept[..], [Action::Persist { .. }]), "{kept:?}");
    let refused = at(&mut state, 1, Input::Stopping);
    assert_eq!(given_up(&refused).1, CallRefusal::Stopping);
}

#[test]
fn a_call_that_is_becoming_durable_when_its_share_moves_is_refused_with_its_history() {
    let mut state = state();
    let worker = Box::new(workers::candidate(0, false));
    at(&mut state, 0, Input::Heartbeat { worker, held: vec![] });
    sent(&mut state);
    at(&mut state, 1, Input::Detached { job: job().id() });
    let refused = at(&mut state, 1, Input::Owned { terms: Terms::default() });
    assert_eq!(given_up(&refused).1, CallRefusal::Stopping);
    at(&mut state, 2, Input::Tick);
    assert!(state.is_idle());
}

#[test]
fn a_call_that_runs_and_cannot_become_durable_is_taken_from_its_worker_and_recorded() {
    let mut state = state();
    let worker = Box::new(workers::candidate(0, false));
    at(&mut state, 0, Input::Heartbeat { worker, held: vec![] });
    sent(&mut state);
    at(&mut state, 1, Input::Detached { job: job().id() });
    let refused = at(&mut state, 1, Input::Persisted { job: job().id(), outcome: Err(PersistError::Failed) });
    let (history, refusal) = given_up(&refused);
    assert_eq!((history.job().durability, refusal), (Durability::Ephemeral, CallRefusal::Internal));
    assert!(refused.iter().any(|action| matches!(action, Action::Abort { .. })), "{refused:?}");
    at(&mut state, 2, Input::Tick);
    assert!(state.is_idle());
}
