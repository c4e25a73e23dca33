use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::event::Timings;
use crate::flow::{Accepted, Cleared};
use crate::id::DispatchId;
use crate::id::Principal;
use crate::job::Approval;
use crate::job::{Durability, Limits, Owner, Request};
use crate::pointer::Memory;
use crate::policy::PolicyRequest;
use crate::policy::{Clearance, Decision, Gate, PolicyVersion, clear};

const NOW: Timestamp = Timestamp::from_millis(1_000_000);

fn request(attempts: u32) -> Request {
    Request::new(
        JobId::mint(NOW, [1; 10]),
        Owner { tenant: "acme".parse().unwrap(), principal: "ci".parse().unwrap(), roles: vec![] },
        "job.echo".parse().unwrap(),
        Limits { attempts, run: Duration::from_secs(30), deadline: None },
        NOW,
    )
}

fn job(attempts: u32) -> Job {
    Job::accepted(request(attempts), Durability::Durable, Memory::Local)
}

fn lease(attempt: u32, dispatch: u8) -> Lease {
    Lease { attempt: Attempt(attempt), dispatch: DispatchId::new([dispatch; 16]) }
}

fn worker(name: &str) -> WorkerId {
    name.parse().unwrap()
}

fn to(name: &str) -> Target {
    Target::Worker(worker(name))
}

fn failed(lease: Lease, kind: FailureKind) -> Event {
    Event::Failed { lease, failure: Failure::new(kind, "it broke") }
}

fn scheduled(lease: Lease) -> Event {
    Event::Scheduled { lease, target: to("w1") }
}

fn cleared(job: Job) -> Cleared {
    let clearance = Clearance { policy: PolicyVersion("1".into()), rule: "r".into() };
    match clear(Accepted::recalled(job).unwrap(), Decision::allow(clearance)) {
        Gate::Passed(cleared) => cleared,
        other => panic!("{other:?}"),
    }
}

fn walk(job: Job, events: &[Event]) -> Change {
    events.iter().fold(Change::of(job), |change, event| change.then(event.clone(), NOW).unwrap())
}

#[test]
fn a_successful_job_passes_every_state_in_order() {
    let lease = lease(1, 7);
    let (change, assignment) = cleared(job(3)).place(to("w1"), lease, NOW).unwrap().into_parts();
    assert_eq!(assignment.lease(), lease);
    let change = change
        .then(Event::Dispatched { lease }, NOW)
        .and_then(|c| c.then(Event::Started { lease, worker: worker("w1") }, NOW))
        .and_then(|c| c.then(Event::Succeeded { lease, timings: Timings::default() }, NOW))
        .unwrap();
    let names: Vec<_> = change.entries().iter().map(|e| e.state.as_str()).collect();
    assert_eq!(names, ["PENDING", "SCHEDULED", "DISPATCHED", "RUNNING", "SUCCEEDED"]);
    assert_eq!(change.job().version, Version(6));
    let result = Pointer::result(Memory::Local, change.job().id());
    let draft = Pointer::draft(Memory::Local, change.job().id(), lease.dispatch);
    assert_eq!(change.effects(), [Effect::Publish { draft, result }]);
}

#[test]
fn a_report_under_another_lease_changes_nothing() {
    let (mine, other, earlier) = (lease(1, 7), lease(1, 8), lease(0, 7));
    let running = walk(
        job(3),
        &[
            scheduled(mine),
            Event::Dispatched { lease: mine },
            Event::Started { lease: mine, worker: worker("w1") },
        ],
    );
    for stale in [other, earlier] {
        let event = Event::Succeeded { lease: stale, timings: Timings::default() };
        assert!(matches!(running.clone().then(event, NOW), Err(Rejected::Stale { .. })));
    }
}

#[test]
fn a_silent_worker_costs_an_attempt_and_the_last_one_times_out() {
    let first = walk(job(2), &[scheduled(lease(1, 1)), Event::Dispatched { lease: lease(1, 1) }])
        .then(failed(lease(1, 1), FailureKind::Silent), NOW)
        .unwrap();
    assert!(matches!(first.job().state, State::Pending { hold: Hold::NotBefore { at } } if at > NOW));
    assert!(matches!(first.effects(), [Effect::Send(OutboxMessage::Abort { .. })]));

    let second = first
        .then(Event::Released, NOW)
        .and_then(|c| c.then(scheduled(lease(2, 2)), NOW))
        .and_then(|c| c.then(failed(lease(2, 2), FailureKind::Silent), NOW))
        .unwrap();
    assert_eq!(second.job().state, State::TimedOut { exhausted: Exhausted::Attempts });
}

#[test]
fn bad_input_is_not_tried_again() {
    let lease = lease(1, 1);
    let change = Change::of(job(5))
        .then(scheduled(lease), NOW)
        .and_then(|c| c.reported(failed(lease, FailureKind::InvalidInput), Some(&worker("w1")), NOW))
        .unwrap();
    assert_eq!(change.job().state.name(), StateName::Failed);
}

#[test]
fn a_report_that_overtakes_its_own_start_brings_the_steps_before_it() {
    let lease = lease(1, 1);
    let change = Change::of(job(1))
        .then(scheduled(lease), NOW)
        .and_then(|c| {
            c.reported(Event::Succeeded { lease, timings: Timings::default() }, Some(&worker("w1")), NOW)
        })
        .unwrap();
    let names: Vec<_> = change.entries().iter().map(|e| e.event.name()).collect();
    assert_eq!(names, ["scheduled", "dispatched", "started", "succeeded"]);
}

#[test]
fn a_job_that_is_given_back_keeps_its_attempts() {
    let lease = lease(1, 1);
    let given_back =
        walk(job(1), &[scheduled(lease), Event::Dispatched { lease }, Event::Returned { lease }]);
    assert!(given_back.job().may_try_again());
    assert!(matches!(given_back.effects(), [Effect::Send(OutboxMessage::Submit { .. })]));
}

#[test]
fn a_job_given_back_again_and_again_waits_longer_each_time_and_fails_at_last() {
    let mut job = job(1);
    let mut waits = Vec::new();
    for n in 1..=retry::MAX_SPARED + 1 {
        let lease = lease(n, 7);
        job = walk(job, &[scheduled(lease), Event::Returned { lease }]).into_job();
        match &job.state {
            State::Pending { hold: Hold::Ready } => waits.push(Duration::ZERO),
            State::Pending { hold: Hold::NotBefore { at } } => {
                waits.push(at.since(NOW));
                job = walk(job, &[Event::Released]).into_job();
            }
            state => assert!(n > retry::MAX_SPARED, "{state:?} after {n}"),
        }
    }
    let State::Failed { failure } = job.state else { panic!("{:?}", job.state) };
    assert_eq!(failure.detail, "workers returned the job 33 times without running it");
    assert_eq!((waits[0], waits[1] > Duration::ZERO, waits.len()), (Duration::ZERO, true, 32));
    assert!(waits[31] > waits[1] * 50, "{waits:?}");
}

#[test]
fn a_worker_that_was_not_sent_the_job_cannot_start_it() {
    let lease = lease(1, 1);
    let change = walk(job(1), &[scheduled(lease), Event::Dispatched { lease }]);
    assert!(change.then(Event::Started { lease, worker: worker("w2") }, NOW).is_err());
}

#[test]
fn cancelling_a_running_job_tells_its_worker() {
    let lease = lease(1, 1);
    let running = walk(
        job(1),
        &[scheduled(lease), Event::Dispatched { lease }, Event::Started { lease, worker: worker("w1") }],
    );
    let change = running.then(Event::Cancelled { reason: "by the caller".into() }, NOW).unwrap();
    let id = change.job().id();
    assert_eq!(
        change.effects(),
        [Effect::Send(OutboxMessage::Abort { job: id, lease, worker: worker("w1") })]
    );
    assert!(change.then(Event::Cancelled { reason: "again".into() }, NOW).is_err());
}

#[test]
fn a_denied_job_is_never_sent() {
    let denial = Denial { rule: "r".into(), reason: "not allowed".into() };
    let accepted = Accepted::recalled(job(1)).unwrap();
    let Gate::Denied(accepted, denial) = clear(accepted, Decision::deny(denial)) else { panic!() };
    let change = Change::of(accepted.into_job()).then(Event::Denied { denial }, NOW).unwrap();
    assert!(change.then(scheduled(lease(1, 1)), NOW).is_err());
}

#[test]
fn only_a_job_that_waits_can_be_recalled_for_placing() {
    let held = walk(job(1), &[Event::Held { hold: approval() }]).into_job();
    assert!(Accepted::recalled(held).is_err());
    let running = walk(job(1), &[scheduled(lease(1, 1))]).into_job();
    assert!(Accepted::recalled(running).is_err());
}

fn approval() -> Hold {
    Hold::Approval { denial: Denial { rule: "big".into(), reason: "it is expensive".into() } }
}

#[test]
fn a_job_that_a_person_approves_goes_on_and_carries_the_approval_until_it_has_run() {
    let by: Principal = "ada".parse().unwrap();
    let held = walk(job(2), &[Event::Held { hold: approval() }]);
    let approved = Change::of(held.into_job()).then(Event::Approved { by: by.clone() }, NOW).unwrap();
    assert!(matches!(approved.effects(), [Effect::Send(OutboxMessage::Submit { .. })]));
    let approved = approved.into_job();
    assert_eq!(approved.state, State::Pending { hold: Hold::Ready });
    let approval = Approval { by, rule: "big".into() };
    assert_eq!(PolicyRequest::about(&approved).approvals, std::slice::from_ref(&approval));
    let given_back = walk(approved, &[scheduled(lease(1, 1)), Event::Returned { lease: lease(1, 1) }]);
    assert_eq!(given_back.job().approvals, [approval], "nothing has run");
    let again =
        walk(given_back.into_job(), &[scheduled(lease(2, 1)), Event::Dispatched { lease: lease(2, 1) }]);
    for event in [
        Event::Started { lease: lease(2, 1), worker: worker("w1") },
        failed(lease(2, 1), FailureKind::Silent),
    ] {
        assert_eq!(again.clone().then(event, NOW).unwrap().job().approvals, []);
    }
}

#[test]
fn a_job_that_several_rules_hold_goes_on_once_each_is_approved() {
    let by: Principal = "ada".parse().unwrap();
    let mut job = job(2);
    for rule in ["big", "late", "big"] {
        let denial = Denial { rule: rule.into(), reason: "it is expensive".into() };
        let held = Event::Held { hold: Hold::Approval { denial } };
        job = walk(job, &[held, Event::Approved { by: by.clone() }]).into_job();
    }
    let rules: Vec<_> = job.approvals.iter().map(|approval| approval.rule.as_str()).collect();
    assert_eq!(rules, ["late", "big"]);
}

#[test]
fn a_job_that_a_person_rejects_is_denied_by_the_rule_that_held_it() {
    let by: Principal = "ada".parse().unwrap();
    let held = walk(job(2), &[Event::Held { hold: approval() }]).into_job();
    let rejected = Event::Rejected { by: by.clone(), reason: "not today".into() };
    let denied = Change::of(held).then(rejected.clone(), NOW).unwrap().into_job();
    let denial = Denial { rule: "big".into(), reason: "not today".into() };
    assert_eq!(denied.state, State::Denied { denial });
    for event in [rejected, Event::Approved { by }] {
        assert!(Change::of(job(2)).then(event, NOW).is_err(), "nothing waits for a person");
    }
}

/// Returns every event over a small scope: two attempts, two dispatch ids, two workers.
fn alphabet() -> Vec<Event> {
    let mut events = vec![
        Event::Accepted,
        Event::Cleared { clearance: Clearance { policy: PolicyVersion("1".into()), rule: "r".into() } },
        Event::Denied { denial: Denial { rule: "r".into(), reason: "no".into() } },
        Event::Held { hold: Hold::NoCapacity },
        Event::Held { hold: approval() },
        Event::Released,
        Event::Approved { by: "ada".parse().unwrap() },
        Event::Rejected { by: "ada".parse().unwrap(), reason: "no".into() },
        Event::Expired,
        Event::Cancelled { reason: "enough".into() },
    ];
    for attempt in 1..=3 {
        for dispatch in 1..=2 {
            let lease = lease(attempt, dispatch);
            for name in ["w1", "w2"] {
                events.push(Event::Scheduled { lease, target: to(name) });
                events.push(Event::Started { lease, worker: worker(name) });
            }
            events.push(Event::Scheduled { lease, target: Target::Pool("echo".parse().unwrap()) });
            events.push(Event::Dispatched { lease });
            events.push(Event::Returned { lease });
            events.push(Event::Succeeded { lease, timings: Timings::default() });
            events.extend(FailureKind::ALL.map(|kind| failed(lease, kind)));
        }
    }
    events
}

fn legal(from: StateName, to: StateName) -> bool {
    use StateName::{Cancelled, Denied, Dispatched, Failed, Pending, Running, Scheduled, Succeeded, Timeout};
    match from {
        Pending => matches!(to, Pending | Scheduled | Denied | Cancelled | Timeout),
        Scheduled => matches!(to, Dispatched | Pending | Failed | Cancelled | Timeout),
        Dispatched => matches!(to, Running | Pending | Failed | Cancelled | Timeout),
        Running => matches!(to, Succeeded | Pending | Failed | Cancelled | Timeout),
        Succeeded | Failed | Cancelled | Timeout | Denied => false,
    }
}

#[test]
fn every_reachable_state_takes_only_legal_steps() {
    let alphabet = alphabet();
    let key = |job: &Job| format!("{:?} {:?}", job.state, job.attempt);
    let mut seen = HashSet::new();
    let mut queue = VecDeque::from([job(2)]);
    let mut steps = 0;
    while let Some(from) = queue.pop_front() {
        if !seen.insert(key(&from)) {
            continue;
        }
        for event in &alphabet {
            let Ok((to, _)) = apply(from.clone(), event, NOW) else { continue };
            steps += 1;
            assert!(legal(from.state.name(), to.state.name()), "{:?} by {event:?}", from.state);
            assert!(!from.state.is_terminal());
            assert_eq!(to.version, from.version.next());
            assert!(to.attempt >= from.attempt && to.attempt.0 - to.spared <= 2);
            queue.push_back(to);
        }
    }
    assert!(seen.len() > 30 && steps > 200, "{} states, {steps} steps", seen.len());
}

proptest! {
    #[test]
    fn folding_the_log_gives_the_state(picks in prop::collection::vec(any::<prop::sample::Index>(), 1..60)) {
        let alphabet = alphabet();
        let mut change = Change::of(job(2));
        for pick in picks {
            let event = pick.get(&alphabet).clone();
            let worker = worker("w1");
            if let Ok(next) = change.clone().reported(event, Some(&worker), NOW) {
                change = next;
            }
        }
        let mut folded = job(2);
        for entry in change.entries() {
            let (next, _) = apply(folded, &entry.event, entry.at).unwrap();
            prop_assert_eq!(next.version, entry.version);
            prop_assert_eq!(next.state.name(), entry.state);
            folded = next;
        }
        prop_assert_eq!(&folded, change.job());
        prop_assert_eq!(folded.version.0, 1 + change.entries().len() as u64);
    }

    #[test]
    fn at_most_one_lease_ever_succeeds(picks in prop::collection::vec(any::<prop::sample::Index>(), 1..80)) {
        let alphabet = alphabet();
        let mut change = Change::of(job(3));
        for pick in picks {
            if let Ok(next) = change.clone().then(pick.get(&alphabet).clone(), NOW) {
                change = next;
            }
        }
        let published = change.effects().iter().filter(|e| matches!(e, Effect::Publish { .. })).count();
        prop_assert!(published <= 1);
        prop_assert_eq!(published == 1, change.job().state.name() == StateName::Succeeded);
    }
}
