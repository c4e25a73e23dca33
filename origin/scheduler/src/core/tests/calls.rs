//! What becomes of synchronous calls as time passes.

use std::time::Duration;

use cortex_domain::event::Event;
use cortex_domain::job::Request;
use cortex_domain::state::State as JobState;
use cortex_domain::time::Uptime;

use super::restart::{allow, job, state};
use super::workers;
use crate::core::{Action, Input, Now, State};
use cortex_domain::id::DispatchId;

const RUN: Duration = Duration::from_secs(300);

fn at(state: &mut State<()>, seconds: u64, input: Input<()>) -> Vec<Action<()>> {
    let mut dispatch = || DispatchId::new([9; 16]);
    let (wall, awake) = (super::restart::NOW, Uptime::from_millis(seconds * 1000));
    let actions = state.apply(input, Now { wall, awake, dispatch: &mut dispatch });
    state.assert_sound();
    actions
}

/// A call that its worker has begun, and the worker goes on to say that it is there.
fn running(state: &mut State<()>) {
    let mut request = job().request;
    request.limits.run = RUN;
    let request = Box::new(Request { ..request });
    let worker = Box::new(workers::candidate(0, false));
    at(state, 0, Input::Beat { worker, held: vec![] });
    let asked = at(state, 0, Input::Called { request, reply: () });
    let [Action::Ask { ask, .. }] = asked[..] else { panic!("{asked:?}") };
    let sent = at(state, 0, Input::Decided { job: job().id(), ask, decision: Ok(allow()) });
    let [Action::Send { assignment }] = &sent[..] else { panic!("{sent:?}") };
    let lease = assignment.lease();
    let event = Event::Started { lease, worker: workers::name(0) };
    at(state, 0, Input::Reported { job: job().id(), event, worker: workers::name(0) });
    for second in (2..=RUN.as_secs()).step_by(2) {
        let worker = Box::new(workers::candidate(0, false));
        at(state, second, Input::Beat { worker, held: vec![lease] });
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
    // No worker is there, and the message that the caller left was lost.
    assert!(at(&mut state, 0, Input::Decided { job: job().id(), ask, decision: Ok(allow()) }).is_empty());
    assert!(at(&mut state, RUN.as_secs() + 60, Input::Tick).is_empty());
    let ended = at(&mut state, RUN.as_secs() + 121, Input::Tick);
    let [Action::Answer { history, .. }] = &ended[..] else { panic!("{ended:?}") };
    assert!(matches!(history.job().state, JobState::Cancelled { .. }));
}
