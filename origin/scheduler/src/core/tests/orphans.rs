//! Leases that a heartbeat lists and that the scheduler does not know.

use cortex_domain::event::Event;
use cortex_domain::id::{DispatchId, JobId};
use cortex_domain::state::Lease;
use cortex_domain::task::Cancel;
use cortex_domain::transition::Change;
use cortex_domain::worker::HeldLease;

use super::fixtures::{NOW, apply, committed, job, lease, load, running, scheduled, state};
use super::workers;
use crate::core::{Action, Input, State};

fn heartbeat(leases: &[(JobId, Lease)]) -> Input<()> {
    let held = leases.iter().map(|(job, lease)| HeldLease { job: *job, lease: *lease }).collect();
    Input::Heartbeat { worker: Box::new(workers::candidate(0, false)), held }
}

fn stopped(actions: &[Action<()>]) -> &Cancel {
    let [Action::Abort { cancel }] = actions else { panic!("not one abort: {actions:?}") };
    cancel
}

fn other_lease() -> Lease {
    Lease { dispatch: DispatchId::new([6; 16]), ..lease() }
}

#[test]
fn a_run_that_the_store_does_not_know_is_stopped() {
    let mut state = state();
    assert!(matches!(apply(&mut state, heartbeat(&[(job().id(), lease())]))[..], [Action::Load { .. }]));
    let done = apply(&mut state, Input::Loaded { job: job().id(), found: Ok(None) });
    let cancel = Cancel { job: job().id(), lease: lease(), worker: workers::name(0) };
    assert_eq!(stopped(&done), &cancel);
    assert!(state.is_idle());
}

#[test]
fn a_run_whose_job_has_ended_or_has_another_lease_is_stopped() {
    let ended = Change::of(running()).then(Event::Cancelled { reason: "enough".into() }, NOW).unwrap();
    let mut state = state();
    let done = load(&mut state, heartbeat(&[(job().id(), lease())]), ended.into_job());
    assert_eq!(stopped(&done).lease, lease());

    let mut state = super::fixtures::state();
    let done = load(&mut state, heartbeat(&[(job().id(), other_lease())]), running());
    assert_eq!(stopped(&done).lease, other_lease());
    // The job is tracked now, so it is not read again.
    let done = apply(&mut state, heartbeat(&[(job().id(), lease()), (job().id(), other_lease())]));
    assert_eq!(stopped(&done).lease, other_lease());
}

#[test]
fn a_run_whose_job_waits_again_is_stopped() {
    let mut state = state();
    load(&mut state, Input::Submitted { job: job().id() }, job());
    assert_eq!(stopped(&apply(&mut state, heartbeat(&[(job().id(), lease())]))).lease, lease());
}

#[test]
fn a_run_that_started_before_this_process_continues() {
    let mut state = state();
    assert!(load(&mut state, heartbeat(&[(job().id(), lease())]), running()).is_empty());
    assert_eq!(state.fleet.job(lease()), Some(job().id()));
    let mut state = super::fixtures::state();
    let done = load(&mut state, heartbeat(&[(job().id(), lease())]), scheduled());
    assert_eq!(committed(&done), ["dispatched", "started"]);
}

#[test]
fn few_leases_of_a_heartbeat_are_looked_up_and_none_is_tracked_while_the_store_fails() {
    let mut state: State<()> = state();
    let many: Vec<_> = (0..100).map(|n| (JobId::mint(NOW, [n; 10]), lease())).collect();
    let asked = apply(&mut state, heartbeat(&many));
    assert_eq!(asked.len(), 16);
    for action in asked {
        let Action::Load { job } = action else { panic!("{action:?}") };
        assert!(apply(&mut state, Input::Loaded { job, found: Err(()) }).is_empty());
    }
    assert!(state.is_idle());
}
