//! A placement that is not committed.

use std::time::Duration;

use cortex_domain::id::DispatchId;
use cortex_domain::job::{Job, Request};
use cortex_domain::time::Uptime;

use super::fixtures::{NOW, allow, job, state};
use super::{done, workers};
use crate::core::{Action, Input, Now, SaveError, State};

/// The state, and the time in milliseconds.
struct At(State<()>, u64);

impl At {
    fn apply(&mut self, input: Input<()>) -> Vec<Action<()>> {
        let at = self.1;
        let mut dispatch = || DispatchId::new([9; 16]);
        let (wall, awake) = (NOW.after(Duration::from_millis(at)), Uptime::from_millis(at));
        let actions = self.0.apply(input, Now { wall, awake, dispatch: &mut dispatch });
        self.0.assert_invariants();
        done(actions)
    }

    fn queue(&mut self, job: &Job) -> Vec<Action<()>> {
        self.apply(Input::Submitted { job: job.id() });
        let asked = self.apply(Input::Loaded { job: job.id(), found: Ok(Some(Box::new(job.clone()))) });
        let [Action::Ask { ask, .. }] = asked[..] else { panic!("{asked:?}") };
        self.apply(Input::Decided { job: job.id(), ask, decision: Ok(allow()) })
    }
}

#[test]
fn a_placement_that_the_store_failed_to_commit_is_retried_later_and_delays_the_others() {
    let mut at = At(state(), 0);
    let candidate = workers::candidate(0, false);
    let worker = Box::new(cortex_domain::placement::Candidate { capacity: 1, ..candidate });
    at.apply(Input::Heartbeat { worker, held: vec![] });
    let first = job();
    let id = cortex_domain::id::JobId::mint(NOW, [2; 10]);
    let second = Job { request: Request { id, ..first.request.clone() }, ..first.clone() };
    assert!(matches!(at.queue(&first)[..], [Action::Commit { .. }]));
    assert!(at.queue(&second).is_empty(), "the worker is full");
    let failed = at.apply(Input::Saved { job: first.id(), outcome: Err(SaveError::Failed) });
    assert!(failed.is_empty(), "the store is given a rest: {failed:?}");
    at.1 = 400;
    assert!(at.apply(Input::Tick).is_empty());
    at.1 = 500;
    let again = at.apply(Input::Tick);
    assert!(
        matches!(again[..], [Action::Load { job }, Action::Commit { .. }] if job == first.id()),
        "{again:?}"
    );
}
