//! Domain values of every shape, whether or not they are valid as a whole.

use std::time::Duration;

use bytes::Bytes;
use cortex_domain::ErrorCode;
use cortex_domain::audit::AuditEvent;
use cortex_domain::call::{CallRefusal, CallReply};
use cortex_domain::event::{Entry, Event, Timings};
use cortex_domain::flow::{End, Outcome};
use cortex_domain::id::{DispatchId, JobId};
use cortex_domain::job::{
    Approval, ContentDigest, CostEstimate, Durability, Fingerprint, Hop, Idempotency, InputFormat, Job,
    Limits, Owner, Priority, Request, Version,
};
use cortex_domain::pointer::{Memory, Pointer};
use cortex_domain::policy::{Clearance, PolicyRequest, PolicyVersion};
use cortex_domain::share::Share;
use cortex_domain::state::{
    Attempt, Denial, Exhausted, Failure, FailureKind, Hold, Lease, State, StateName, Target,
};
use cortex_domain::task::{Cancel, Progress, ProgressKind};
use cortex_domain::time::Timestamp;
use cortex_domain::topic::{Topic, TopicPattern};
use cortex_domain::transition::OutboxMessage;
use cortex_domain::worker::{Gpu, Heartbeat, HeldLease};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

/// Returns an id of letters, digits and hyphens.
fn name<T: std::str::FromStr<Err: std::fmt::Debug> + std::fmt::Debug>() -> impl Strategy<Value = T> {
    "[a-zA-Z0-9-]{1,40}".prop_map(|text| text.parse().unwrap())
}

fn text() -> impl Strategy<Value = String> {
    "\\PC{0,40}"
}

fn some_text() -> impl Strategy<Value = Option<String>> {
    option::of("\\PC{1,40}")
}

fn time() -> impl Strategy<Value = Timestamp> {
    any::<u64>().prop_map(Timestamp::from_millis)
}

pub(crate) fn job_id() -> impl Strategy<Value = JobId> {
    (0..1_u64 << 48, any::<[u8; 10]>())
        .prop_map(|(at, random)| JobId::mint(Timestamp::from_millis(at), random))
}

fn memory() -> impl Strategy<Value = Memory> {
    prop_oneof![Just(Memory::Local), Just(Memory::Redis)]
}

pub(crate) fn lease() -> impl Strategy<Value = Lease> {
    (1..=u32::MAX, any::<[u8; 16]>()).prop_map(|(attempt, dispatch)| Lease {
        attempt: Attempt(attempt),
        dispatch: DispatchId::new(dispatch),
    })
}

fn topic() -> impl Strategy<Value = Topic> {
    "job(\\.[a-z0-9_-]{1,12}){1,4}".prop_map(|text| text.parse().unwrap())
}

fn pattern() -> impl Strategy<Value = TopicPattern> {
    "job(\\.[a-z0-9_-]{1,12}){0,2}\\.(\\*|>|[a-z]{1,5})".prop_map(|text| text.parse().unwrap())
}

pub(crate) fn target() -> impl Strategy<Value = Target> {
    prop_oneof![name().prop_map(Target::Worker), name().prop_map(Target::Pool)]
}

fn owner() -> impl Strategy<Value = Owner> {
    (name(), name(), vec(name(), 0..4)).prop_map(|(tenant, principal, roles)| Owner {
        tenant,
        principal,
        roles,
    })
}

fn limits() -> impl Strategy<Value = Limits> {
    (any::<u32>(), any::<u64>().prop_map(Duration::from_millis), option::of(time()))
        .prop_map(|(attempts, run, deadline)| Limits { attempts, run, deadline })
}

fn idempotency() -> impl Strategy<Value = Idempotency> {
    (name(), any::<[u8; 32]>()).prop_map(|(key, bytes)| Idempotency { key, fingerprint: Fingerprint(bytes) })
}

fn hop() -> impl Strategy<Value = Hop> {
    (text(), time()).prop_map(|(name, at)| Hop { name, at })
}

pub(crate) fn request() -> impl Strategy<Value = Request> {
    let priority = prop_oneof![Just(Priority::Low), Just(Priority::Normal), Just(Priority::High)];
    let input = prop_oneof![Just(InputFormat::Body), Just(InputFormat::Normalised)];
    let asked = (job_id(), owner(), topic(), option::of(name()), input, priority, limits());
    let around =
        (btree_map(text(), text(), 0..4), option::of(idempotency()), vec(hop(), 0..4), time(), some_text());
    let content = (option::of(any::<[u8; 32]>()), any::<u64>(), option::of(1..=u32::MAX));
    (asked, around, content).prop_map(
        |(
            (id, owner, topic, model, input, priority, limits),
            (labels, idempotency, hops, created_at, traceparent),
            (content, input_bytes, output_tokens),
        )| {
            Request {
                id,
                owner,
                topic,
                model,
                input,
                priority,
                limits,
                labels,
                idempotency,
                hops,
                created_at,
                traceparent,
                content: content.map(ContentDigest),
                estimate: CostEstimate { input_bytes, output_tokens },
            }
        },
    )
}

fn hold() -> impl Strategy<Value = Hold> {
    prop_oneof![
        Just(Hold::Ready),
        denial().prop_map(|denial| Hold::Approval { denial }),
        time().prop_map(|until| Hold::Throttled { until }),
        time().prop_map(|at| Hold::NotBefore { at }),
        Just(Hold::NoCapacity),
    ]
}

fn failure() -> impl Strategy<Value = Failure> {
    let wait = option::of((1..=u64::MAX).prop_map(Duration::from_millis));
    let code = prop::sample::select(ErrorCode::ALL);
    (prop::sample::select(&FailureKind::ALL), code, text(), some_text(), wait).prop_map(
        |(kind, code, detail, parameter, retry_after)| {
            let code = if FailureKind::of(code) == kind { code } else { kind.code() };
            Failure { kind, code, detail, parameter, retry_after }
        },
    )
}

fn denial() -> impl Strategy<Value = Denial> {
    (text(), text()).prop_map(|(rule, reason)| Denial { rule, reason })
}

pub(crate) fn clearance() -> impl Strategy<Value = Clearance> {
    ("\\PC{1,20}", "\\PC{1,20}").prop_map(|(policy, rule)| Clearance { policy: PolicyVersion(policy), rule })
}

fn timings() -> impl Strategy<Value = Timings> {
    any::<(u64, u64)>().prop_map(|(wait_ms, run_ms)| Timings { wait_ms, run_ms })
}

fn exhausted() -> impl Strategy<Value = Exhausted> {
    prop_oneof![Just(Exhausted::Deadline), Just(Exhausted::Attempts)]
}

fn ended(result: Pointer) -> impl Strategy<Value = State> {
    prop_oneof![
        Just(State::Succeeded { result }),
        failure().prop_map(|failure| State::Failed { failure }),
        text().prop_map(|reason| State::Cancelled { reason }),
        exhausted().prop_map(|exhausted| State::TimedOut { exhausted }),
        denial().prop_map(|denial| State::Denied { denial }),
    ]
}

fn open() -> impl Strategy<Value = State> {
    prop_oneof![
        hold().prop_map(|hold| State::Pending { hold }),
        (lease(), target()).prop_map(|(lease, target)| State::Scheduled { lease, target }),
        (lease(), target()).prop_map(|(lease, target)| State::Dispatched { lease, target }),
        (lease(), name(), time()).prop_map(|(lease, worker, since)| State::Running { lease, worker, since }),
    ]
}

fn job_in<S: Strategy<Value = State>>(state: impl Fn(Pointer) -> S) -> impl Strategy<Value = Job> {
    let durability = prop_oneof![Just(Durability::Durable), Just(Durability::Ephemeral)];
    let counts = (any::<u32>(), any::<u32>(), 1..=u64::MAX);
    let approvals = vec((name(), text()).prop_map(|(by, rule)| Approval { by, rule }), 0..3);
    (request(), durability, memory(), counts, time(), approvals).prop_flat_map(
        move |(request, durability, memory, (attempt, spared, version), updated_at, approvals)| {
            state(Pointer::result(memory, request.id)).prop_map(move |state| Job {
                request: request.clone(),
                durability,
                memory,
                attempt: Attempt(attempt),
                spared: spared.min(attempt),
                approvals: approvals.clone(),
                version: Version(version),
                updated_at,
                state,
            })
        },
    )
}

pub(crate) fn job() -> impl Strategy<Value = Job> {
    job_in(|result| prop_oneof![open(), ended(result)])
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(Event::Accepted),
        clearance().prop_map(|clearance| Event::Cleared { clearance }),
        denial().prop_map(|denial| Event::Denied { denial }),
        hold().prop_map(|hold| Event::Held { hold }),
        Just(Event::Released),
        (lease(), target()).prop_map(|(lease, target)| Event::Scheduled { lease, target }),
        lease().prop_map(|lease| Event::Dispatched { lease }),
        (lease(), name()).prop_map(|(lease, worker)| Event::Started { lease, worker }),
        lease().prop_map(|lease| Event::Returned { lease }),
        (lease(), timings()).prop_map(|(lease, timings)| Event::Succeeded { lease, timings }),
        (lease(), failure()).prop_map(|(lease, failure)| Event::Failed { lease, failure }),
        Just(Event::Expired),
        text().prop_map(|reason| Event::Cancelled { reason }),
        name().prop_map(|by| Event::Approved { by }),
        (name(), text()).prop_map(|(by, reason)| Event::Rejected { by, reason }),
    ]
}

pub(crate) fn entry() -> impl Strategy<Value = Entry> {
    (any::<u64>(), any::<u32>(), time(), prop::sample::select(StateName::ALL), event()).prop_map(
        |(version, attempt, at, state, event)| Entry {
            version: Version(version),
            attempt: Attempt(attempt),
            at,
            state,
            event,
        },
    )
}

pub(crate) fn message() -> impl Strategy<Value = OutboxMessage> {
    prop_oneof![
        (job_id(), 0..Share::COUNT)
            .prop_map(|(job, share)| OutboxMessage::Submit { job, share: Share::from_byte(share) }),
        (job_id(), lease(), name()).prop_map(|(job, lease, worker)| OutboxMessage::Abort {
            job,
            lease,
            worker
        }),
    ]
}

pub(crate) fn outcome() -> impl Strategy<Value = Outcome> {
    let end = prop_oneof![
        timings().prop_map(|timings| End::Succeeded { timings }),
        failure().prop_map(|failure| End::Failed { failure }),
        Just(End::Returned),
    ];
    (job_id(), lease(), name(), end).prop_map(|(job, lease, worker, end)| Outcome { job, lease, worker, end })
}

pub(crate) fn progress() -> impl Strategy<Value = Progress> {
    let frame = vec(any::<u8>(), 0..64).prop_map(|frame| ProgressKind::Frame(Bytes::from(frame)));
    let what = prop_oneof![Just(ProgressKind::Started), frame];
    (job_id(), lease(), name(), any::<u64>(), what).prop_map(|(job, lease, worker, seq, what)| Progress {
        job,
        lease,
        worker,
        seq,
        what,
    })
}

pub(crate) fn cancel() -> impl Strategy<Value = Cancel> {
    (job_id(), lease(), name()).prop_map(|(job, lease, worker)| Cancel { job, lease, worker })
}

pub(crate) fn heartbeat() -> impl Strategy<Value = Heartbeat> {
    let held = (job_id(), lease()).prop_map(|(job, lease)| HeldLease { job, lease });
    let gpu = (0.0..=1.0, any::<u64>(), any::<u64>())
        .prop_map(|(utilisation, memory_used, memory_total)| Gpu { utilisation, memory_used, memory_total });
    let is = (
        name(),
        text(),
        name(),
        vec(pattern(), 0..4),
        option::of("[a-z]{1,9}"),
        btree_map(text(), text(), 0..4),
    );
    let has =
        (any::<u32>(), vec(held, 0..4), any::<bool>(), vec(name(), 0..4), vec(text(), 0..4), option::of(gpu));
    let measures = (vec(any::<u64>(), 0..20), any::<u32>(), any::<u64>(), any::<u64>());
    (is, has, measures).prop_map(|(is, has, (latency, pid, resident, memory_free))| {
        let (worker, kind, pool, topics, region, labels) = is;
        let (capacity, held, draining, models, adapters, gpu) = has;
        Heartbeat {
            worker,
            kind,
            pool,
            topics,
            capacity,
            held,
            draining,
            models,
            adapters,
            gpu,
            latency,
            region,
            labels,
            pid,
            resident,
            memory_free,
        }
    })
}

pub(crate) fn called() -> impl Strategy<Value = CallReply> {
    let ended = (job_in(ended), any::<bool>()).prop_map(|(job, answered)| CallReply::Ended {
        answer: answered.then(|| Pointer::result(job.memory, job.id())),
        job: Box::new(job),
    });
    let kept = job().prop_map(|job| CallReply::Kept { job: Box::new(job) });
    prop_oneof![ended, kept, prop::sample::select(&CallRefusal::ALL).prop_map(CallReply::Refused)]
}

pub(crate) fn audit() -> impl Strategy<Value = AuditEvent> {
    (time(), name(), name(), [text(), text(), text(), text()], some_text()).prop_map(
        |(at, tenant, principal, [action, subject, decision, detail], traceparent)| AuditEvent {
            at,
            tenant,
            principal,
            action,
            subject,
            decision,
            detail,
            traceparent,
        },
    )
}

pub(crate) fn policy_request() -> impl Strategy<Value = (PolicyRequest, Timestamp)> {
    (request(), memory(), time()).prop_map(|(request, memory, now)| {
        (PolicyRequest::about(&Job::accepted(request, Durability::Durable, memory)), now)
    })
}
