//! How simulated workers react to a dispatch, including every kind of misbehaviour.

use cortex_domain::event::{Event, Timings};
use cortex_domain::id::{DispatchId, JobId, WorkerId};
use cortex_domain::placement::Candidate;
use cortex_domain::state::{Attempt, Failure, FailureKind, Lease};
use cortex_domain::time::Uptime;

use super::rng::Rng;

/// A report on its way, or a draft that is stored.
#[derive(Debug)]
pub(super) enum WorkerMessage {
    Draft { job: JobId, dispatch: DispatchId },
    Report { job: JobId, event: Event },
}

pub(super) fn name(n: u64) -> WorkerId {
    format!("w{n}").parse().unwrap()
}

pub(super) fn candidate(n: u64, draining: bool) -> Candidate {
    Candidate {
        worker: name(n),
        pool: "echo".parse().unwrap(),
        topics: vec![cortex_domain::topics::ECHO.into()],
        capacity: 3,
        in_flight: 0,
        draining,
        models: vec![],
        last_seen: Uptime::default(),
    }
}

/// Returns the worker's messages for a dispatch, each with its delay in milliseconds, and whether
/// the worker keeps the lease.
pub(super) fn work(
    job: JobId,
    lease: Lease,
    worker: &WorkerId,
    rng: &mut Rng,
) -> (Vec<(u64, WorkerMessage)>, bool) {
    let started = Event::Started { lease, worker: worker.clone() };
    let succeeded = |lease| Event::Succeeded { lease, timings: Timings::default() };
    let failed = |kind| Event::Failed { lease, failure: Failure::new(kind, "it broke") };
    let draft = WorkerMessage::Draft { job, dispatch: lease.dispatch };
    let report = |event| WorkerMessage::Report { job, event };
    let took = 1 + rng.below(4000);
    let mut messages = match rng.below(12) {
        // The worker disappears.
        0 => return (vec![], false),
        // The run hangs, and the worker keeps sending heartbeats.
        1 => return (vec![(took, report(started))], true),
        2 => vec![(1, report(started)), (took, report(failed(FailureKind::Broken)))],
        3 => vec![(took, report(failed(FailureKind::InvalidInput)))],
        4 => vec![(took, report(Event::Returned { lease }))],
        // The answer is lost, but the report arrives.
        5 => vec![(took, report(succeeded(lease)))],
        // The start arrives after the end.
        6 => vec![(took, draft), (took, report(succeeded(lease))), (took + 1, report(started))],
        // The worker reports everything twice, and then something else.
        7 => vec![
            (1, report(started.clone())),
            (2, report(started)),
            (took, draft),
            (took, report(succeeded(lease))),
            (took + 1, report(succeeded(lease))),
            (took + 2, report(failed(FailureKind::Broken))),
        ],
        _ => vec![(1, report(started)), (took, draft), (took, report(succeeded(lease)))],
    };
    if rng.chance(20) {
        let forged = Lease { dispatch: DispatchId::new(rng.bytes()), ..lease };
        messages.push((took / 2, report(succeeded(forged))));
        messages
            .push((took / 2, report(succeeded(Lease { attempt: Attempt(lease.attempt.0 + 1), ..lease }))));
        let other = WorkerId::clone(&name(9));
        messages.push((took / 2, report(Event::Started { lease, worker: other })));
    }
    (messages, true)
}
