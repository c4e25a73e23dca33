//! The rules that every request passes: the transition, the checks of the request, and a message
//! over the bus.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use cortex_api::routes::BodyLimit;
use cortex_bus::Embedded;
use cortex_domain::event::{Event, Timings};
use cortex_domain::flow::Accepted;
use cortex_domain::id::{DispatchId, JobId, WorkerId};
use cortex_domain::job::{InputFormat, Limits, Owner, Priority, Request};
use cortex_domain::pointer::Memory;
use cortex_domain::policy::{Clearance, Decision, Gate, PolicyVersion, clear};
use cortex_domain::ports::Bus;
use cortex_domain::share::Share;
use cortex_domain::state::{Attempt, Lease, Target};
use cortex_domain::subject::{Filter, Subject};
use cortex_domain::time::Timestamp;
use cortex_guard::precheck;
use cortex_guard::signature::{self, Keyring, Nonce};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tokio::runtime::Builder;

const NOW: Timestamp = Timestamp::from_millis(1_795_217_790_000);

fn request() -> Request {
    Request {
        id: JobId::mint(NOW, [1; 10]),
        owner: Owner { tenant: "acme".parse().unwrap(), principal: "ci".parse().unwrap(), roles: vec![] },
        topic: "job.echo".parse().unwrap(),
        model: None,
        input: InputFormat::default(),
        priority: Priority::Normal,
        limits: Limits { attempts: 3, run: Duration::from_secs(30), deadline: None },
        labels: BTreeMap::new(),
        idempotency: None,
        content: None,
        estimate: Default::default(),
        hops: vec![],
        created_at: NOW,
        traceparent: None,
    }
}

/// From its acceptance to its success: five transitions and an assignment.
fn a_job(criterion: &mut Criterion) {
    let worker: WorkerId = "echo-1".parse().unwrap();
    let lease = Lease { attempt: Attempt(1), dispatch: DispatchId::new([7; 16]) };
    let run = |request: Request| {
        let clearance = Clearance { policy: PolicyVersion("1".into()), rule: "r".into() };
        let accepted = Accepted::ephemeral(request, Memory::Local);
        let Gate::Passed(cleared) = clear(accepted, Decision::allow(clearance)) else { unreachable!() };
        let placed = cleared.place(Target::Worker(worker.clone()), lease, NOW).unwrap();
        let (change, assignment) = placed.into_parts();
        let change = change.then(Event::Dispatched { lease }, NOW).unwrap();
        let change = change.then(Event::Started { lease, worker: worker.clone() }, NOW).unwrap();
        (change.then(Event::Succeeded { lease, timings: Timings::default() }, NOW).unwrap(), assignment)
    };
    criterion.bench_function("a job from accepted to succeeded", |bencher| {
        bencher.iter_batched(request, run, criterion::BatchSize::SmallInput);
    });
}

fn body(bytes: usize) -> String {
    let line = r#"{"name": "a perfectly ordinary line of text", "count": 17},"#;
    let lines = line.repeat(bytes / line.len() + 1);
    format!(r#"{{"topic": "job.echo", "input": [{}]}}"#, lines.trim_end_matches(','))
}

fn the_checks(criterion: &mut Criterion) {
    let keys: Keyring = format!("edge-1:{}", "11".repeat(32)).parse().unwrap();
    for (name, bytes) in [("100 B", 1), ("16 KiB", 16 << 10)] {
        let body = body(bytes);
        let request = signature::Request {
            method: "POST",
            path: "/api/v1/jobs",
            query: "",
            content_type: "application/json",
            body: body.as_bytes(),
        };
        let mut headers = vec![("cortex-tenant", "acme".to_owned()), ("cortex-principal", "ci".to_owned())];
        let pairs = headers.iter().map(|(name, value)| (*name, value.as_str()));
        headers.extend(signature::sign(&request, pairs, keys.current(), NOW, Nonce::new([7; 16])).unwrap());

        let mut group = criterion.benchmark_group("checks");
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(format!("checks of a body of {name}"), |bencher| {
            bencher.iter(|| {
                precheck::check_json(Some("application/json"), black_box(body.as_bytes()), BodyLimit::Job)
                    .unwrap()
            });
        });
        group.bench_function(format!("signature of a body of {name}"), |bencher| {
            let all = || headers.iter().map(|(name, value)| (*name, value.as_str()));
            let signature::Request { method, path, query, content_type, body } = request;
            let head = signature::Head { method, path, query, content_type };
            bencher.iter(|| {
                let verified = signature::verify(black_box(&head), all(), &keys, NOW).unwrap();
                verified.body.check(black_box(body)).unwrap();
            });
        });
        group.finish();
    }
}

/// A message to another task and back.
fn the_bus(criterion: &mut Criterion) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let bus = Embedded::default();
    let mut inbox = runtime.block_on(bus.respond(Filter::only(&Subject::call(Share::FIRST)))).unwrap();
    runtime.spawn(async move {
        while let Some(request) = inbox.next().await {
            request.reply.send(request.body);
        }
    });
    let packet = Bytes::from_static(&[7; 256]);
    criterion.bench_function("request and reply on the embedded bus", |bencher| {
        bencher.iter(|| {
            let asked = bus.request(Subject::call(Share::FIRST), packet.clone(), Duration::from_secs(1));
            runtime.block_on(asked).unwrap()
        });
    });
}

criterion_group! {
    name = rules;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    targets = a_job, the_checks, the_bus
}
criterion_main!(rules);
