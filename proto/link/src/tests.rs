pub(crate) mod origin;
mod slow_peers;
mod tls;
mod unauthenticated;

use std::time::Duration;

use bytes::Bytes;
use cortex_domain::event::Timings;
use cortex_domain::flow::{End, Outcome};
use cortex_domain::id::DispatchId;
use cortex_domain::pointer::{Memory, Pointer};
use cortex_domain::ports::{Bus, Delivery, Payloads, RequestError, Subscription};
use cortex_domain::share::Share;
use cortex_domain::state::{Attempt, FailureKind, Lease};
use cortex_domain::subject::{Filter, Subject};
use cortex_domain::task::{Cancel, Progress, ProgressKind, Task, TaskReply};
use cortex_wire::{decode_heartbeat, decode_outcome, decode_progress, encode_cancel};
use futures::StreamExt;

use super::{Dial, Limits, LinkAddress, Route};
use crate::origin::{Inbound, Inbox, Origin as _, OriginUnreachable, Report};
use origin::{Origin, assignment, worker};

const TEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Returns the next message, within a time limit.
async fn next(inbox: &mut Inbox) -> Option<Inbound> {
    tokio::time::timeout(TEST_TIMEOUT, inbox.next()).await.expect("a message arrives in time")
}

async fn joined(inbox: &mut Inbox) {
    let inbound = next(inbox).await;
    assert!(matches!(inbound, Some(Inbound::Joined { .. })), "{inbound:?}");
}

async fn job(inbox: &mut Inbox) -> (Box<Task>, Bytes) {
    match next(inbox).await {
        Some(Inbound::Job { task, input }) => (task, input),
        other => panic!("a job, not {other:?}"),
    }
}

async fn outcome(results: &mut dyn Subscription<Delivery>) -> Outcome {
    let Delivery { body, receipt } = results.next().await.unwrap();
    receipt.ack();
    decode_outcome(&body).unwrap()
}

fn success(task: &Task, payload: Bytes) -> Report {
    let end = End::Succeeded { timings: Timings::default() };
    let outcome = Outcome { job: task.job, lease: task.lease, worker: worker("w1").worker, end };
    Report { outcome, draft: Some((task.draft, payload)) }
}

fn started(task: &Task) -> Progress {
    let (job, lease, worker) = (task.job, task.lease, worker("w1").worker);
    Progress { job, lease, worker, seq: 0, what: ProgressKind::Started }
}

fn returned(task: &Task) -> Report {
    let outcome =
        Outcome { job: task.job, lease: task.lease, worker: worker("w1").worker, end: End::Returned };
    Report { outcome, draft: None }
}

async fn round_trip(address: LinkAddress) {
    let origin = Origin::at(&address).await;
    let mut results = origin.results().await;
    let (link, mut inbox) = origin.connect("w1");
    joined(&mut inbox).await;
    for input in ["", "one", &"x".repeat(3 << 20)] {
        let dispatched = origin.dispatch("w1", Some(input)).await;
        let (task, received) = job(&mut inbox).await;
        assert_eq!((task.job, task.lease), (dispatched.job(), dispatched.lease()));
        assert!(received == input);
        link.report(success(&task, received)).await.unwrap();
        let outcome = outcome(results.as_mut()).await;
        assert_eq!(outcome.lease, dispatched.lease());
        let draft = origin.payloads.get(dispatched.draft()).await.unwrap().unwrap();
        assert!(draft == input);
    }
}

#[tokio::test]
async fn a_job_and_its_answer_cross_a_unix_socket() {
    let home = tempfile::tempdir().unwrap();
    round_trip(LinkAddress::Unix(home.path().join("run/link"))).await;
}

#[tokio::test]
async fn a_job_and_its_answer_cross_loopback() {
    round_trip("tcp:127.0.0.1:0".parse().unwrap()).await;
}

#[tokio::test]
async fn a_worker_that_joins_is_announced_and_can_be_reached_at_once() {
    let origin = Origin::start().await;
    let mut heartbeats = origin.listen(Filter::HEARTBEATS).await;
    let (_link, mut inbox) = origin.connect("w1");
    let (_, announced) = tokio::join!(joined(&mut inbox), heartbeats.next());
    assert_eq!(decode_heartbeat(&announced.unwrap().body), Ok(worker("w1")));
    origin.dispatch("w1", Some("now")).await;
    assert_eq!(job(&mut inbox).await.1, "now");
}

#[tokio::test]
async fn a_wrong_token_is_refused_for_good() {
    let origin = Origin::start().await;
    let (_link, mut inbox) = origin.connect_with("w1", "tokem");
    assert!(matches!(next(&mut inbox).await, Some(Inbound::Refused { .. })));
    assert_eq!(next(&mut inbox).await, None);
}

#[tokio::test]
async fn progress_is_passed_on_in_order() {
    let origin = Origin::start().await;
    let mut listener = origin.listen(Filter::PROGRESS).await;
    let (link, mut inbox) = origin.connect("w1");
    joined(&mut inbox).await;
    let sent = origin.dispatch("w1", Some("in")).await;
    let largest = Bytes::from(vec![7; Progress::MAX_FRAME]);
    for (seq, what) in [(0, ProgressKind::Started), (1, ProgressKind::Frame(largest))] {
        let progress =
            Progress { job: sent.job(), lease: sent.lease(), worker: worker("w1").worker, seq, what };
        link.progress(progress.clone()).await.unwrap();
        let delivery = listener.next().await.unwrap();
        assert_eq!(decode_progress(&delivery.body), Ok(progress));
        assert_eq!(delivery.subject, Subject::progress(sent.job()));
    }
}

#[tokio::test]
async fn a_cancellation_reaches_the_worker_it_names() {
    let origin = Origin::start().await;
    let (_one, mut to_one) = origin.connect("w1");
    let (_two, mut to_two) = origin.connect("w2");
    joined(&mut to_one).await;
    joined(&mut to_two).await;
    let sent = origin.dispatch("w1", Some("in")).await;
    let cancels =
        ["w2", "w1"].map(|name| Cancel { job: sent.job(), lease: sent.lease(), worker: worker(name).worker });
    for cancel in &cancels {
        origin.bus.publish(Subject::cancel(&cancel.worker), encode_cancel(cancel));
    }
    let [for_two, for_one] = cancels;
    assert_eq!(next(&mut to_two).await, Some(Inbound::Cancel(for_two)));
    let inbound = [next(&mut to_one).await.unwrap(), next(&mut to_one).await.unwrap()];
    assert!(inbound.contains(&Inbound::Cancel(for_one)));
}

#[tokio::test]
async fn a_job_without_its_input_fails_and_is_not_sent() {
    let origin = Origin::start().await;
    let mut results = origin.results().await;
    let (_link, mut inbox) = origin.connect("w1");
    joined(&mut inbox).await;
    let lost = origin.dispatch("w1", None).await;
    origin.dispatch("w1", Some("here")).await;
    assert_eq!(job(&mut inbox).await.1, "here");
    let outcome = outcome(results.as_mut()).await;
    assert_eq!(outcome.lease, lost.lease());
    assert!(matches!(outcome.end, End::Failed { failure } if failure.kind == FailureKind::Broken));
}

#[tokio::test]
async fn a_worker_writes_only_its_own_drafts_and_names_only_itself() {
    let origin = Origin::start().await;
    let mut results = origin.results().await;
    let (link, mut inbox) = origin.connect("w1");
    joined(&mut inbox).await;
    let (mine, other) = (origin.dispatch("w1", Some("a")).await, origin.dispatch("w2", Some("b")).await);
    let (task, _) = job(&mut inbox).await;
    let honest = success(&task, Bytes::from("mine"));
    let to = |pointer| Report { draft: Some((pointer, Bytes::from("bad"))), ..honest.clone() };
    let long = Bytes::from(vec![0; Limits::default().payload + 1]);
    let impostor = Outcome { worker: worker("w2").worker, ..honest.outcome.clone() };
    let forged = [
        to(Pointer::result(Memory::Local, task.job)),
        to(Pointer::context(Memory::Local, task.job)),
        to(Pointer::draft(Memory::Redis, task.job, task.lease.dispatch)),
        to(other.draft()),
        Report { draft: None, ..honest.clone() },
        Report { draft: Some((task.draft, long)), ..honest.clone() },
        Report { outcome: impostor, ..honest.clone() },
    ];
    let count = forged.len() as u64;
    for report in forged {
        link.report(report).await.unwrap();
    }
    link.heartbeat(worker("w2")).await.unwrap();
    link.report(honest).await.unwrap();
    let outcome = outcome(results.as_mut()).await;
    assert_eq!(outcome.lease, mine.lease());
    assert_eq!(origin.server.dropped(), count + 1);
    for pointer in [Pointer::result(Memory::Local, task.job), other.draft()] {
        assert_eq!(origin.payloads.get(pointer).await.unwrap(), None);
    }
    assert_eq!(origin.payloads.get(mine.draft()).await.unwrap(), Some(Bytes::from("mine")));
}

#[tokio::test]
async fn a_worker_reports_only_on_jobs_that_were_sent_to_it() {
    let origin = Origin::start().await;
    let mut frames = origin.listen(Filter::PROGRESS).await;
    let mut results = origin.results().await;
    let (link, mut inbox) = origin.connect("w1");
    let (_other, mut others) = origin.connect("w2");
    joined(&mut inbox).await;
    joined(&mut others).await;
    origin.dispatch("w1", Some("a")).await;
    origin.dispatch("w2", Some("b")).await;
    let ((mine, _), (other, _)) = (job(&mut inbox).await, job(&mut others).await);
    let progress = |job, lease: Lease| Progress {
        job,
        lease,
        worker: worker("w1").worker,
        seq: 0,
        what: ProgressKind::Started,
    };
    let later = Lease { attempt: Attempt(9), ..mine.lease };
    let invented = Lease { attempt: Attempt(9), dispatch: DispatchId::new([9; 16]).in_share(Share::FIRST) };
    let forged = [
        progress(other.job, other.lease),
        progress(other.job, mine.lease),
        progress(other.job, invented),
        progress(mine.job, other.lease),
        progress(mine.job, later),
        progress(assignment("w1").job(), invented),
    ];
    let count = forged.len() as u64;
    for progress in forged {
        link.progress(progress).await.unwrap();
    }
    link.report(success(&other, Bytes::from("bad"))).await.unwrap();
    link.progress(progress(mine.job, mine.lease)).await.unwrap();
    link.report(success(&mine, Bytes::from("good"))).await.unwrap();
    let inbound = decode_progress(&frames.next().await.unwrap().body).unwrap();
    assert_eq!((inbound.job, inbound.lease), (mine.job, mine.lease));
    assert_eq!(outcome(results.as_mut()).await.lease, mine.lease);
    assert_eq!(origin.server.dropped(), count + 1);
    assert_eq!(origin.payloads.get(other.draft).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listeners_that_read_nothing_delay_neither_heartbeats_nor_other_jobs() {
    let origin = Origin::start().await;
    let (link, mut inbox) = origin.connect("w1");
    joined(&mut inbox).await;
    let (loud, quiet) = (origin.dispatch("w1", Some("a")).await, origin.dispatch("w1", Some("b")).await);
    let (_, task) = (job(&mut inbox).await, job(&mut inbox).await.0);
    let mut unread = Vec::new();
    for _ in 0..8 {
        unread.push(origin.listen(Filter::only(&Subject::progress(loud.job()))).await);
    }
    let mut heartbeats = origin.listen(Filter::HEARTBEATS).await;
    let mut results = origin.results().await;
    // This is far more than a listener buffers. Each of the eight would wait for every further
    // message.
    let flood = async {
        for seq in 0..4096 {
            let what = ProgressKind::Frame(Bytes::from_static(b"x"));
            let worker = worker("w1").worker;
            let progress = Progress { job: loud.job(), lease: loud.lease(), worker, seq, what };
            link.progress(progress).await.unwrap();
        }
        link.heartbeat(worker("w1")).await.unwrap();
        link.report(success(&task, Bytes::from("quick"))).await.unwrap();
        let outcome = outcome(results.as_mut()).await;
        assert_eq!(outcome.lease, quiet.lease());
        heartbeats.next().await.unwrap();
    };
    tokio::time::timeout(TEST_TIMEOUT, flood).await.expect("nothing waits for who does not read");
}

#[tokio::test]
async fn a_lost_link_is_reopened() {
    let home = tempfile::tempdir().unwrap();
    let address = LinkAddress::Unix(home.path().join("run/link"));
    let first = Origin::at(&address).await;
    let (link, mut inbox) = first.connect("w1");
    joined(&mut inbox).await;
    first.dispatch("w1", Some("before")).await;
    let (task, _) = job(&mut inbox).await;
    first.stop().await;
    assert_eq!(next(&mut inbox).await, Some(Inbound::Lost));
    assert_eq!(link.report(success(&task, Bytes::new())).await, Err(OriginUnreachable));

    let second = Origin::at(&address).await;
    let mut results = second.results().await;
    joined(&mut inbox).await;
    link.report(success(&task, Bytes::from("kept"))).await.unwrap();
    assert_eq!(outcome(results.as_mut()).await.lease, task.lease);
    assert_eq!(second.payloads.get(task.draft).await.unwrap(), Some(Bytes::from("kept")));
}

#[tokio::test]
async fn a_worker_has_one_link_the_newest() {
    let origin = Origin::start().await;
    let (_old, mut to_old) = origin.connect("w1");
    joined(&mut to_old).await;
    let (_new, mut to_new) = origin.connect("w1");
    joined(&mut to_new).await;
    assert_eq!(next(&mut to_old).await, Some(Inbound::Lost));
    origin.dispatch("w1", Some("in")).await;
    assert_eq!(job(&mut to_new).await.1, "in");
}

#[tokio::test]
async fn a_closed_link_ends_once_all_reports_were_received() {
    let origin = Origin::start().await;
    let mut results = origin.results().await;
    let (link, mut inbox) = origin.connect("w1");
    joined(&mut inbox).await;
    let sent = origin.dispatch("w1", Some("in")).await;
    let (task, _) = job(&mut inbox).await;
    for _ in 0..50 {
        link.report(success(&task, Bytes::from("out"))).await.unwrap();
    }
    link.close();
    assert_eq!(next(&mut inbox).await, None);
    for _ in 0..50 {
        assert_eq!(outcome(results.as_mut()).await.lease, sent.lease());
    }
    assert_eq!(link.heartbeat(worker("w1")).await, Err(OriginUnreachable));
}

#[tokio::test(start_paused = true)]
async fn a_link_closed_while_the_origin_is_away_ends_at_once() {
    let home = tempfile::tempdir().unwrap();
    let route = Route::Unix(home.path().join("missing"));
    let dial = Dial { route, token: String::new(), limits: Limits::default() };
    let (link, mut inbox) = super::open(dial, Box::new(|| worker("w1")));
    assert!(tokio::time::timeout(TEST_TIMEOUT, inbox.next()).await.is_err());
    link.close();
    let closed = tokio::time::Instant::now();
    assert_eq!(next(&mut inbox).await, None);
    assert_eq!(closed.elapsed(), Duration::ZERO);
}

#[tokio::test]
async fn a_worker_that_left_has_no_listener() {
    let origin = Origin::start().await;
    let (link, mut inbox) = origin.connect("w1");
    joined(&mut inbox).await;
    link.close();
    assert_eq!(next(&mut inbox).await, None);
    drop((link, inbox));
    origin.is_gone("w1").await;
}

#[tokio::test]
async fn jobs_that_a_worker_left_unread_are_given_back() {
    let origin = Origin::start().await;
    let (link, mut inbox) = origin.connect("w1");
    joined(&mut inbox).await;
    let (_, replied) = origin.offer("w1", Some("in")).await;
    link.close();
    assert_eq!(replied.await.unwrap(), Ok(TaskReply::Busy));
}

#[tokio::test]
async fn a_workers_first_message_about_a_job_is_the_reply() {
    let origin = Origin::start().await;
    let mut results = origin.results().await;
    let (link, mut inbox) = origin.connect("w1");
    joined(&mut inbox).await;
    for reply in [TaskReply::Started, TaskReply::Accepted, TaskReply::Busy] {
        let (_, replied) = origin.offer("w1", Some("in")).await;
        let (task, _) = job(&mut inbox).await;
        let sent = match reply {
            TaskReply::Started => link.progress(started(&task)).await,
            TaskReply::Accepted => link.report(success(&task, Bytes::from("out"))).await,
            TaskReply::Busy => link.report(returned(&task)).await,
        };
        sent.unwrap();
        assert_eq!(replied.await.unwrap(), Ok(reply));
    }
    // A job that was never started has no result.
    link.close();
    assert_eq!(next(&mut inbox).await, None);
    assert!(matches!(outcome(results.as_mut()).await.end, End::Succeeded { .. }));
    origin.bus.append(Subject::result(Share::FIRST), Bytes::from("last")).await.unwrap();
    assert_eq!(results.next().await.unwrap().body, "last");
}

#[tokio::test]
async fn a_started_run_that_is_given_back_is_a_result() {
    let origin = Origin::start().await;
    let mut results = origin.results().await;
    let (link, mut inbox) = origin.connect("w1");
    joined(&mut inbox).await;
    let (_, replied) = origin.offer("w1", Some("in")).await;
    let (task, _) = job(&mut inbox).await;
    link.progress(started(&task)).await.unwrap();
    link.report(returned(&task)).await.unwrap();
    assert_eq!(replied.await.unwrap(), Ok(TaskReply::Started));
    assert_eq!(outcome(results.as_mut()).await.end, End::Returned);
}

#[tokio::test]
async fn jobs_of_a_crashed_worker_are_not_given_back() {
    let origin = Origin::start().await;
    let mut results = origin.results().await;
    let mut heartbeats = origin.listen(Filter::HEARTBEATS).await;
    let dial = origin.dial("token");
    let (taken, dead) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        // The sockets close with the runtime, without any message before.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (_link, mut inbox) = super::open(dial, Box::new(|| worker("w1")));
            joined(&mut inbox).await;
            job(&mut inbox).await;
        });
        drop(runtime);
        taken.send(()).unwrap();
    });
    heartbeats.next().await.unwrap();
    let (_, replied) = origin.offer("w1", Some("in")).await;
    dead.await.unwrap();
    origin.is_gone("w1").await;
    let replied = replied.await.unwrap();
    assert!(matches!(replied, Err(RequestError::Unanswered(_))), "{replied:?}");
    origin.bus.append(Subject::result(Share::FIRST), Bytes::from("nothing came before")).await.unwrap();
    assert_eq!(results.next().await.unwrap().body, "nothing came before");
}
