//! The state after a step that panicked.

use std::panic::{AssertUnwindSafe, catch_unwind};

use cortex_domain::call::{CallRefusal, CallReply};
use cortex_domain::id::{DispatchId, JobId};
use cortex_domain::job::Request;
use cortex_domain::pointer::Memory;
use cortex_domain::share::Terms;
use cortex_domain::time::Uptime;

use super::fixtures::{NOW, allow, job, settings};
use super::workers;
use crate::core::{Action, Input, Now, State};

fn apply(state: &mut State<u8>, input: Input<u8>) -> Vec<Action<u8>> {
    let mut dispatch = || DispatchId::new([9; 16]);
    let now = Now { wall: NOW, awake: Uptime::from_millis(1), dispatch: &mut dispatch };
    let actions = state.apply(input, now);
    state.assert_invariants();
    actions
}

fn called(state: &mut State<u8>, n: u8) -> Vec<Action<u8>> {
    let request = Request { id: JobId::mint(NOW, [n; 10]), ..job().request };
    apply(state, Input::Called { request: Box::new(request), reply: n })
}

#[test]
fn after_a_step_that_panicked_every_caller_is_answered_and_the_state_is_empty() {
    let mut state = State::new(&settings(), Memory::Local);
    apply(&mut state, Input::Owned { terms: Terms::sole() });
    apply(&mut state, Input::Heartbeat { worker: Box::new(workers::candidate(0, false)), held: vec![] });
    apply(&mut state, Input::Submitted { job: job().id() });
    let asked = called(&mut state, 2);
    let [Action::Ask { ask: early, .. }] = asked[..] else { panic!("{asked:?}") };
    let asked = called(&mut state, 3);
    let [Action::Ask { ask, .. }] = asked[..] else { panic!("{asked:?}") };
    let id = |n| JobId::mint(NOW, [n; 10]);
    let decided = Input::Decided { job: id(3), ask, decision: Ok(allow()) };
    let mut dispatch = || panic!("the randomness is gone");
    let now = Now { wall: NOW, awake: Uptime::from_millis(1), dispatch: &mut dispatch };
    catch_unwind(AssertUnwindSafe(|| state.apply(decided, now))).unwrap_err();

    let refused = state.reset(&settings());
    let mut callers: Vec<u8> = refused
        .into_iter()
        .map(|action| match action {
            Action::Reply { reply, called: CallReply::Refused(CallRefusal::Internal) } => reply,
            other => panic!("{other:?}"),
        })
        .collect();
    callers.sort_unstable();
    assert_eq!(callers, [2, 3]);
    assert!(state.is_idle());

    // Outcomes of earlier actions do not affect later jobs, and free none of their requests.
    let asked = called(&mut state, 2);
    let [Action::Ask { ask, .. }] = asked[..] else { panic!("{asked:?}") };
    apply(&mut state, Input::Decided { job: id(2), ask: early, decision: Ok(allow()) });
    assert_eq!(state.asks.all_open(), [1, 0]);
    apply(&mut state, Input::Loaded { job: job().id(), found: Ok(Some(Box::new(job()))) });
    assert_eq!(state.jobs.len(), 1);
    apply(&mut state, Input::Decided { job: id(2), ask, decision: Err(()) });
    assert!(state.is_idle());
}
