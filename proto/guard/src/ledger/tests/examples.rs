//! One example of each rule.

use std::time::Duration;

use cortex_domain::state::StateName;

use super::simulation::{BODY, at, error, id};
use crate::ledger::{
    Effect, Ending, HeldBody, LedgerEvent, LedgerJob, LedgerPlace, QUEUE_HEAD_START, Rejected, SEND_LEASE,
    accept, apply,
};

fn waiting() -> LedgerJob {
    accept(id(), BODY, at(0)).job
}

fn sending() -> LedgerJob {
    apply(&waiting(), LedgerEvent::Taken, at(0)).unwrap().job
}

fn at_origin() -> LedgerJob {
    apply(&sending(), LedgerEvent::Accepted { origin_id: id() }, at(1)).unwrap().job
}

fn report(version: u64, state: StateName) -> LedgerEvent {
    LedgerEvent::StateReported { version, state, at: at(50) }
}

#[test]
fn a_new_job_is_left_to_the_queue_for_a_while() {
    let job = waiting();
    assert_eq!(
        (job.state(), job.version(), job.due()),
        (StateName::Pending, 0, Some(at(0).after(QUEUE_HEAD_START)))
    );
    assert_eq!(job.held_until(), None, "it does not wait because of the origin");
}

#[test]
fn a_job_has_one_sender_until_its_lease_lapses() {
    let job = sending();
    let lapses = at(0).after(SEND_LEASE);
    assert_eq!(job.due(), Some(lapses));
    let just_before = at(11_999);
    assert_eq!(apply(&job, LedgerEvent::Taken, just_before), Err(Rejected::BeingSent));
    let again = apply(&job, LedgerEvent::Taken, lapses).unwrap();
    assert_eq!(again.effects, [Effect::SendAgainAt(lapses.after(SEND_LEASE))]);
}

#[test]
fn an_accepted_job_is_freed_and_wakes_the_others() {
    let other = cortex_domain::id::JobId::mint(at(1), [8; 10]);
    let step = apply(&sending(), LedgerEvent::Accepted { origin_id: other }, at(1)).unwrap();
    assert_eq!(step.job.origin_id(), Some(other));
    assert_eq!(step.effects, [Effect::FreeBytes(700), Effect::DeleteOffloadedBody, Effect::WakeWaiting]);
    assert_eq!(apply(&step.job, LedgerEvent::Taken, at(99_000)), Err(Rejected::AtOrigin));
    assert_eq!(apply(&step.job, LedgerEvent::Accepted { origin_id: id() }, at(2)), Err(Rejected::AtOrigin));

    let inline = accept(id(), HeldBody { bytes: 3, offloaded: false }, at(0)).job;
    let step = apply(&inline, LedgerEvent::Accepted { origin_id: id() }, at(1)).unwrap();
    assert_eq!(step.effects, [Effect::FreeBytes(3), Effect::WakeWaiting], "there is no body outside");
}

#[test]
fn a_refusal_ends_the_job_with_its_reason() {
    let lease = sending().due().unwrap();
    for (denied, state) in [(false, StateName::Failed), (true, StateName::Denied)] {
        let event = LedgerEvent::Refused { lease, error: error(), denied };
        let step = apply(&sending(), event, at(4)).unwrap();
        assert_eq!((step.job.state(), step.job.error(), step.job.updated), (state, Some(&error()), at(4)));
        assert_eq!(step.job.version(), 1);
        assert_eq!(apply(&step.job, LedgerEvent::Taken, at(99_000)), Err(Rejected::Ended));
    }
}

#[test]
fn jobs_that_wait_for_the_origin_are_woken_and_those_in_the_queue_are_not() {
    assert_eq!(apply(&waiting(), LedgerEvent::Woken, at(1)), Err(Rejected::NotHeld));
    let lease = sending().due().unwrap();
    let held = apply(&sending(), LedgerEvent::OriginAway { lease, random: 0 }, at(100)).unwrap().job;
    assert_eq!(held.held_until(), Some(at(600)));
    let woken = apply(&held, LedgerEvent::Woken, at(200)).unwrap().job;
    assert_eq!(woken.due(), Some(at(200)));
    assert_eq!(apply(&woken, LedgerEvent::Woken, at(200)), Err(Rejected::NotHeld), "it is due already");
}

#[test]
fn due_jobs_wait_as_long_as_a_tried_one_while_the_origin_is_unreachable() {
    let until = at(9000);
    assert_eq!(apply(&waiting(), LedgerEvent::Delayed { until }, at(2999)), Err(Rejected::NotHeld));
    let delayed = apply(&waiting(), LedgerEvent::Delayed { until }, at(3000)).unwrap().job;
    assert_eq!(delayed.held_until(), Some(until));
    let given_back = LedgerEvent::GivenBack { lease: sending().due().unwrap(), until };
    assert_eq!(apply(&sending(), given_back, at(10)).unwrap().job.held_until(), Some(until));
}

#[test]
fn only_a_job_that_waits_can_be_cancelled_here() {
    let cancelled = apply(&waiting(), LedgerEvent::Cancelled, at(5)).unwrap();
    assert_eq!(cancelled.job.place, LedgerPlace::Ended(Ending::Cancelled));
    assert_eq!(cancelled.effects, [Effect::FreeBytes(700), Effect::DeleteOffloadedBody]);
    assert_eq!(apply(&sending(), LedgerEvent::Cancelled, at(5)), Err(Rejected::BeingSent));
    assert_eq!(apply(&at_origin(), LedgerEvent::Cancelled, at(5)), Err(Rejected::AtOrigin));
    assert_eq!(apply(&cancelled.job, LedgerEvent::Cancelled, at(5)), Err(Rejected::Ended));
}

#[test]
fn an_origin_that_reports_on_a_job_has_it() {
    for held in [waiting(), sending()] {
        let step = apply(&held, report(6, StateName::Succeeded), at(60)).unwrap();
        let facts = (step.job.origin_id(), step.job.state(), step.job.version(), step.job.updated);
        assert_eq!(facts, (Some(id()), StateName::Succeeded, 6, at(50)));
        assert_eq!(step.effects, [Effect::FreeBytes(700), Effect::DeleteOffloadedBody]);
    }
}

#[test]
fn reports_are_taken_over_in_order_until_the_job_has_ended() {
    let running = apply(&at_origin(), report(3, StateName::Running), at(60)).unwrap().job;
    for version in [0, 2, 3] {
        assert_eq!(apply(&running, report(version, StateName::Pending), at(60)), Err(Rejected::OldReport));
    }
    let done = apply(&running, report(4, StateName::Succeeded), at(60)).unwrap().job;
    assert_eq!(done.state(), StateName::Succeeded);
    assert_eq!(apply(&done, report(5, StateName::Running), at(60)), Err(Rejected::OldReport));
}

#[test]
fn an_origin_learns_of_jobs_that_were_cancelled_at_the_edge() {
    let cancelled = apply(&waiting(), LedgerEvent::Cancelled, at(5)).unwrap().job;
    assert_eq!(apply(&cancelled, report(3, StateName::Running), at(60)), Err(Rejected::CancelledHere));
    assert_eq!(apply(&cancelled, report(4, StateName::Cancelled), at(60)), Err(Rejected::Ended));
}

#[test]
fn a_clock_that_jumps_back_delays_an_attempt_by_no_more_than_it_jumped() {
    let job = waiting();
    let due = job.due().unwrap();
    let jump = Duration::from_secs(3600);
    let earlier = cortex_domain::time::Timestamp::from_millis(due.as_millis() - 3_600_000);
    // The queue may still send it at once.
    assert!(apply(&job, LedgerEvent::Taken, earlier).is_ok());
    assert_eq!(due.since(earlier), jump);
}
