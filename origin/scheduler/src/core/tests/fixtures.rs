//! A scheduler state, a job in its usual states, and shorthands to apply inputs.

use std::path::Path;
use std::time::Duration;

use cortex_domain::event::Event;
use cortex_domain::id::{DispatchId, JobId};
use cortex_domain::job::{Durability, Job, Limits, Owner, Request};
use cortex_domain::pointer::Memory;
use cortex_domain::policy::Decision;
use cortex_domain::share::Terms;
use cortex_domain::state::{Attempt, Lease, Target};
use cortex_domain::time::{Timestamp, Uptime};
use cortex_domain::topics;
use cortex_domain::transition::Change;
use cortex_wire::v1;

use super::{done, workers};
use crate::core::{Action, Input, Now, State};
use crate::settings::{Settings, Unlisted};

pub(super) const NOW: Timestamp = Timestamp::from_millis(1_000_000);

pub(super) fn settings() -> Settings {
    let pools = "topics: { job.echo: { pool: echo } }\n";
    let timeouts = "heartbeat: 2s\nlease: 10s\ndefault: { run: 30s, attempts: 3 }\n";
    Settings::parse((pools, Path::new("p")), (timeouts, Path::new("t")), Unlisted::Refused).unwrap()
}

pub(super) fn state() -> State<()> {
    let mut state = State::new(&settings(), Memory::Local);
    assert!(apply(&mut state, Input::Owned { terms: Terms::sole() }).is_empty());
    state
}

pub(super) fn apply(state: &mut State<()>, input: Input<()>) -> Vec<Action<()>> {
    let mut dispatch = || DispatchId::new([9; 16]);
    let actions =
        state.apply(input, Now { wall: NOW, awake: Uptime::from_millis(1), dispatch: &mut dispatch });
    state.assert_invariants();
    done(actions)
}

pub(super) fn job() -> Job {
    let request = Request::new(
        JobId::mint(NOW, [1; 10]),
        Owner { tenant: "acme".parse().unwrap(), principal: "ci".parse().unwrap(), roles: vec![] },
        topics::ECHO,
        Limits { attempts: 3, run: Duration::from_secs(30), deadline: None },
        NOW,
    );
    Job::accepted(request, Durability::Durable, Memory::Local)
}

/// A decision that allows a job.
pub(super) fn allow() -> Decision {
    let clearance = v1::Clearance { policy: "p".into(), rule: "r".into() };
    let decision = Some(v1::check_response::Decision::Allow(clearance));
    v1::CheckResponse { decision }.try_into().unwrap()
}

pub(super) fn lease() -> Lease {
    Lease { attempt: Attempt(1), dispatch: DispatchId::new([7; 16]) }
}

pub(super) fn scheduled() -> Job {
    let scheduled = Event::Scheduled { lease: lease(), target: Target::Worker(workers::name(0)) };
    Change::of(job()).then(scheduled, NOW).unwrap().into_job()
}

pub(super) fn running() -> Job {
    let started = Event::Started { lease: lease(), worker: workers::name(0) };
    let change = Change::of(scheduled()).then(Event::Dispatched { lease: lease() }, NOW).unwrap();
    change.then(started, NOW).unwrap().into_job()
}

pub(super) fn load(state: &mut State<()>, input: Input<()>, job: Job) -> Vec<Action<()>> {
    let asked = apply(state, input);
    assert!(matches!(asked[..], [Action::Load { job: id }] if id == job.id()), "{asked:?}");
    apply(state, Input::Loaded { job: job.id(), found: Ok(Some(Box::new(job))) })
}

pub(super) fn committed(actions: &[Action<()>]) -> Vec<&'static str> {
    let [Action::Commit { change }] = actions else { panic!("not one commit: {actions:?}") };
    change.entries().iter().map(|entry| entry.event.name()).collect()
}
