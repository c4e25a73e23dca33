//! Assignments as the scheduler sends them.

use std::time::Duration;

use cortex_domain::flow::{Accepted, Assignment};
use cortex_domain::id::{DispatchId, JobId, WorkerId};
use cortex_domain::job::{InputFormat, Limits, Owner, Priority, Request};
use cortex_domain::pointer::Memory;
use cortex_domain::policy::{Gate, clear};
use cortex_domain::share::Share;
use cortex_domain::state::{Attempt, Lease, Target};
use cortex_domain::time::Timestamp;
use cortex_platform::entropy::random;
use cortex_wire::decode_decision;

/// Returns the assignment of a new job, cleared and placed.
pub(crate) fn assignment(worker: &WorkerId) -> Assignment {
    let now = Timestamp::from_millis(1_795_217_790_000);
    let request = Request {
        id: JobId::mint(now, random()),
        owner: Owner { tenant: "acme".parse().unwrap(), principal: "tests".parse().unwrap(), roles: vec![] },
        topic: "job.echo".parse().unwrap(),
        model: None,
        input: InputFormat::default(),
        priority: Priority::Normal,
        limits: Limits { attempts: 3, run: Duration::from_secs(10), deadline: None },
        labels: Default::default(),
        idempotency: None,
        content: None,
        estimate: Default::default(),
        hops: vec![],
        created_at: now,
        traceparent: None,
    };
    let lease = Lease { attempt: Attempt(1), dispatch: DispatchId::new(random()).in_share(Share::FIRST) };
    let accepted = Accepted::ephemeral(request, Memory::Local);
    match clear(accepted, decode_decision(ALLOWED).unwrap()) {
        Gate::Passed(cleared) => {
            let (_, assignment) =
                cleared.place(Target::Worker(worker.clone()), lease, now).unwrap().into_parts();
            assignment
        }
        other => panic!("{other:?}"),
    }
}

/// `CheckResponse { allow: Clearance { policy: "p", rule: "r" } }`.
const ALLOWED: &[u8] = b"\x0a\x06\x0a\x01p\x12\x01r";
