use bytes::Bytes;
use cortex_domain::flow::{End, Outcome};
use cortex_domain::id::DispatchId;
use cortex_domain::state::{Attempt, Lease};
use cortex_domain::task::ProgressKind;
use cortex_domain::time::Timestamp;
use futures::FutureExt;

use super::*;

fn job(n: u8) -> JobId {
    JobId::mint(Timestamp::from_millis(1), [n; 10])
}

fn lease(n: u8) -> Lease {
    Lease { attempt: Attempt(1), dispatch: DispatchId::new([n; 16]) }
}

fn progress(n: u8, seq: u64) -> Progress {
    let what = ProgressKind::Frame(Bytes::from_static(b"x"));
    Progress { job: job(n), lease: lease(n), worker: "w".parse().unwrap(), seq, what }
}

fn report(n: u8) -> Report {
    let outcome = Outcome { job: job(n), lease: lease(n), worker: "w".parse().unwrap(), end: End::Returned };
    Report { outcome, draft: None }
}

fn heartbeat(capacity: u32) -> Heartbeat {
    Heartbeat::new("w".parse().unwrap(), "echo", "echo".parse().unwrap(), vec![], capacity)
}

/// Returns the sent frames in a short form.
async fn sent(mut receiver: Receiver) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(up) = receiver.next().await {
        all.push(match up {
            UpFrame::Hello { .. } => "hello".to_owned(),
            UpFrame::Heartbeat(heartbeat) => format!("beat {}", heartbeat.capacity),
            UpFrame::Progress(Progress { job: of, seq, .. }) => {
                format!("progress {}.{seq}", (0..9).find(|n| job(*n) == of).unwrap())
            }
            UpFrame::Report { outcome, .. } => {
                format!("report {}", (0..9).find(|n| job(*n) == outcome.job).unwrap())
            }
        });
    }
    all
}

#[tokio::test]
async fn a_heartbeat_and_a_report_go_before_the_progress_of_other_jobs() {
    let (sender, receiver) = outbox();
    for seq in 0..3 {
        sender.progress(progress(1, seq)).await.unwrap();
    }
    sender.report(report(2)).await.unwrap();
    sender.heartbeat(heartbeat(4)).unwrap();
    drop(sender);
    assert_eq!(sent(receiver).await, ["beat 4", "report 2", "progress 1.0", "progress 1.1", "progress 1.2"]);
}

#[tokio::test]
async fn a_report_follows_the_earlier_progress_of_its_job() {
    let (sender, receiver) = outbox();
    for (n, seq) in [(1, 0), (2, 0), (1, 1), (2, 1)] {
        sender.progress(progress(n, seq)).await.unwrap();
    }
    sender.report(report(2)).await.unwrap();
    drop(sender);
    assert_eq!(
        sent(receiver).await,
        ["progress 2.0", "progress 2.1", "report 2", "progress 1.0", "progress 1.1"]
    );
}

#[tokio::test]
async fn the_newest_heartbeat_supersedes_those_that_were_not_sent() {
    let (sender, receiver) = outbox();
    for capacity in 1..=3 {
        sender.heartbeat(heartbeat(capacity)).unwrap();
    }
    drop(sender);
    assert_eq!(sent(receiver).await, ["beat 3"]);
}

#[tokio::test]
async fn only_progress_waits_for_room() {
    let (sender, mut receiver) = outbox();
    for seq in 0..MAX_WAITING as u64 {
        sender.progress(progress(1, seq)).await.unwrap();
    }
    let mut late = Box::pin(sender.progress(progress(1, MAX_WAITING as u64)));
    assert!(late.as_mut().now_or_never().is_none());
    sender.heartbeat(heartbeat(1)).unwrap();
    sender.report(report(2)).now_or_never().expect("a report has room of its own").unwrap();
    for _ in 0..3 {
        receiver.next().await.unwrap();
    }
    late.now_or_never().expect("a frame was sent").unwrap();
}

#[tokio::test]
async fn a_sender_that_waits_for_room_learns_that_the_link_is_lost() {
    let (sender, receiver) = outbox();
    for seq in 0..MAX_WAITING as u64 {
        sender.progress(progress(1, seq)).await.unwrap();
    }
    let late = sender.progress(progress(1, MAX_WAITING as u64));
    let (late, ()) = tokio::join!(late, async { drop(receiver) });
    assert_eq!(late, Err(OriginUnreachable));
    assert_eq!(sender.heartbeat(heartbeat(1)), Err(OriginUnreachable));
    assert_eq!(sender.report(report(1)).await, Err(OriginUnreachable));
}
