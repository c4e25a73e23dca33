//! The worker over real sockets, and on the bus itself.

mod assignment;
mod home;

use bytes::Bytes;
use cortex_domain::flow::End;
use cortex_domain::ports::Payloads;
use cortex_domain::subject::{Filter, Subject};
use cortex_domain::task::TaskReply;
use cortex_link::LinkAddress;
use cortex_wire::{decode_heartbeat, decode_outcome};

use super::engines::Gated;
use crate::echo::Echo;
use home::{Home, within};

#[tokio::test]
async fn a_job_is_answered_over_the_link_and_the_worker_leaves_in_order() {
    let home = Home::open().await;
    let mut results = home.results().await;
    let worker = home.link(Echo).await;
    let (sent, replied) = home.offer("[1, 2]").await;
    assert_eq!(within(replied).await.unwrap(), TaskReply::Accepted);
    worker.shutdown.cancel();
    within(worker.working).await.unwrap().unwrap();
    let outcome = decode_outcome(&within(results.next()).await.unwrap().body).unwrap();
    assert!(matches!(outcome.end, End::Succeeded { .. }) && outcome.lease == sent.lease());
    assert_eq!(home.payloads.get(sent.draft()).await.unwrap(), Some(Bytes::from("[1, 2]")));
}

#[tokio::test]
async fn a_worker_on_the_bus_itself_answers_the_same() {
    let home = Home::open().await;
    let mut results = home.results().await;
    let worker = home.join(Echo).await;
    let (sent, replied) = home.offer("[1, 2]").await;
    assert_eq!(within(replied).await.unwrap(), TaskReply::Accepted);
    let outcome = decode_outcome(&within(results.next()).await.unwrap().body).unwrap();
    assert!(matches!(outcome.end, End::Succeeded { .. }) && outcome.lease == sent.lease());
    assert_eq!(home.payloads.get(sent.draft()).await.unwrap(), Some(Bytes::from("[1, 2]")));
    worker.shutdown.cancel();
    within(worker.working).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_report_made_while_the_origin_was_away_reaches_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let address = LinkAddress::Unix(folder.path().join("run/link"));
    let first = Home::at(&address).await;
    let mut progress = first.listen(Filter::PROGRESS).await;
    let (engine, gate) = Gated::new();
    let _worker = first.link(engine).await;
    let sent = first.dispatch("1").await;
    within(progress.next()).await.unwrap();
    first.close().await;
    gate.notify_one();

    let second = Home::at(&address).await;
    let mut results = second.results().await;
    let outcome = decode_outcome(&within(results.next()).await.unwrap().body).unwrap();
    assert!(matches!(outcome.end, End::Succeeded { .. }) && outcome.lease == sent.lease());
    assert_eq!(second.payloads.get(sent.draft()).await.unwrap(), Some(Bytes::from("1")));
}

#[tokio::test]
async fn a_worker_that_comes_back_renews_what_it_still_runs() {
    let folder = tempfile::tempdir().unwrap();
    let address = LinkAddress::Unix(folder.path().join("run/link"));
    let first = Home::at(&address).await;
    let mut progress = first.listen(Filter::PROGRESS).await;
    let (engine, gate) = Gated::new();
    let _worker = first.link(engine).await;
    let sent = first.dispatch("1").await;
    within(progress.next()).await.unwrap();
    first.close().await;

    let second = Home::at(&address).await;
    let mut heartbeats = second.listen(Filter::only(&Subject::HEARTBEAT)).await;
    let mut results = second.results().await;
    let heartbeat = decode_heartbeat(&within(heartbeats.next()).await.unwrap().body).unwrap();
    assert_eq!(heartbeat.held.iter().map(|held| held.lease).collect::<Vec<_>>(), [sent.lease()]);
    gate.notify_one();
    let outcome = decode_outcome(&within(results.next()).await.unwrap().body).unwrap();
    assert_eq!(outcome.lease, sent.lease());
}
