use std::time::Duration;

use super::*;
use crate::event::{Event, Timings};
use crate::id::DispatchId;
use crate::job::{Limits, Owner, Request};
use crate::pointer::Memory;
use crate::state::{Attempt, Lease, Target};
use crate::time::Timestamp;
use crate::transition::Change;

const NOW: Timestamp = Timestamp::from_millis(1_000_000);

/// Returns a job that succeeded, with everything that belongs to it.
fn succeeded() -> StoredJob {
    let request = Request::new(
        JobId::mint(NOW, [1; 10]),
        Owner { tenant: "acme".parse().unwrap(), principal: "ci".parse().unwrap(), roles: vec![] },
        "job.echo".parse().unwrap(),
        Limits { attempts: 3, run: Duration::from_secs(30), deadline: None },
        NOW,
    );
    let accepted = Job::accepted(request, Durability::Durable, Memory::Local);
    let first = first_entry(&accepted);
    let lease = Lease { attempt: Attempt(1), dispatch: DispatchId::new([1; 16]) };
    let worker = "w1".parse().unwrap();
    let change = Change::of(accepted)
        .then(Event::Scheduled { lease, target: Target::Worker("w1".parse().unwrap()) }, NOW)
        .and_then(|change| {
            change.reported(Event::Succeeded { lease, timings: Timings::default() }, Some(&worker), NOW)
        })
        .unwrap();
    let log = std::iter::once(first).chain(change.entries().iter().cloned()).collect();
    let job = change.into_job();
    StoredJob { index: JobIndex::of(&job), job, unlisted: Vec::new(), log, has_input: true, has_result: true }
}

/// Returns the findings after `damage`.
fn damaged(damage: impl FnOnce(&mut StoredJob)) -> Vec<Finding> {
    let mut stored = succeeded();
    damage(&mut stored);
    check_job(&stored)
}

#[test]
fn a_whole_job_has_no_findings() {
    assert_eq!(damaged(|_| {}), []);
}

#[test]
fn each_damage_is_found() {
    let id = succeeded().job.id();
    assert_eq!(damaged(|stored| drop(stored.log.remove(0))), [Finding::NoAcceptance(id)]);
    assert_eq!(damaged(|stored| stored.log.clear()), [Finding::NoAcceptance(id)]);
    assert_eq!(damaged(|stored| drop(stored.log.pop())), [Finding::OtherRecord(id)]);
    let missing = damaged(|stored| drop(stored.log.remove(1)));
    assert!(matches!(missing[..], [Finding::IllegalEntry { .. }]), "{missing:?}");
    let swapped = damaged(|stored| stored.log.swap(1, 2));
    assert!(matches!(swapped[..], [Finding::IllegalEntry { .. }]), "{swapped:?}");
    assert_eq!(damaged(|stored| stored.has_result = false), [Finding::NoResult(id)]);
    assert_eq!(damaged(|stored| stored.has_input = false), [], "an ended job needs no input");
    let index = |index| [Finding::Index { job: id, index }];
    assert_eq!(damaged(|stored| stored.index.open = true), index("open jobs"));
    assert_eq!(damaged(|stored| stored.unlisted.push("jobs:open")), index("jobs:open"));
    assert_eq!(damaged(|stored| stored.index.state = StateName::Running), index("state"));
    assert_eq!(damaged(|stored| stored.index.version = Version(9)), index("version"));
    assert_eq!(damaged(|stored| stored.index.tenant = "other".parse().unwrap()), index("tenant"));
    assert_eq!(damaged(|stored| stored.index.topic = "job.embed".parse().unwrap()), index("topic"));
    assert_eq!(damaged(|stored| stored.index.dispatch = Some(DispatchId::new([2; 16]))), index("dispatch"));
}

#[test]
fn an_open_job_needs_its_input() {
    let mut stored = succeeded();
    stored.job = Job::accepted(stored.job.request.clone(), Durability::Durable, Memory::Local);
    stored.log.truncate(1);
    stored.index = JobIndex::of(&stored.job);
    (stored.has_input, stored.has_result) = (true, false);
    assert_eq!(check_job(&stored), []);
    stored.has_input = false;
    assert_eq!(check_job(&stored), [Finding::NoInput(stored.job.id())]);
}
