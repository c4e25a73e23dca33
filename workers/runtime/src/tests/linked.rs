//! The worker over real sockets, and directly on the bus.

mod assignment;
mod server;

use bytes::Bytes;
use cortex_domain::flow::End;
use cortex_domain::ports::Payloads;
use cortex_domain::subject::Filter;
use cortex_domain::task::TaskReply;
use cortex_link::LinkAddress;
use cortex_wire::{decode_heartbeat, decode_outcome};

use super::engines::Gated;
use crate::echo::Echo;
use server::{OriginServer, in_time};

#[tokio::test]
async fn a_job_is_answered_over_the_link_and_the_worker_leaves_in_order() {
    let server = OriginServer::open().await;
    let mut results = server.results().await;
    let worker = server.link(Echo).await;
    let (sent, replied) = server.offer("[1, 2]").await;
    assert_eq!(in_time(replied).await.unwrap(), TaskReply::Accepted);
    worker.shutdown.cancel();
    in_time(worker.working).await.unwrap().unwrap();
    let outcome = decode_outcome(&in_time(results.next()).await.unwrap().body).unwrap();
    assert!(matches!(outcome.end, End::Succeeded { .. }) && outcome.lease == sent.lease());
    assert_eq!(server.payloads.get(sent.draft()).await.unwrap(), Some(Bytes::from("[1, 2]")));
}

#[tokio::test]
async fn a_worker_on_the_bus_itself_answers_the_same() {
    let server = OriginServer::open().await;
    let mut results = server.results().await;
    let worker = server.join(Echo).await;
    let (sent, replied) = server.offer("[1, 2]").await;
    assert_eq!(in_time(replied).await.unwrap(), TaskReply::Accepted);
    let outcome = decode_outcome(&in_time(results.next()).await.unwrap().body).unwrap();
    assert!(matches!(outcome.end, End::Succeeded { .. }) && outcome.lease == sent.lease());
    assert_eq!(server.payloads.get(sent.draft()).await.unwrap(), Some(Bytes::from("[1, 2]")));
    worker.shutdown.cancel();
    in_time(worker.working).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_report_made_while_the_origin_was_away_reaches_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let address = LinkAddress::Unix(folder.path().join("run/link"));
    let first = OriginServer::at(&address).await;
    let mut progress = first.listen(Filter::PROGRESS).await;
    let (engine, gate) = Gated::new();
    let _worker = first.link(engine).await;
    let sent = first.dispatch("1").await;
    in_time(progress.next()).await.unwrap();
    first.close().await;
    gate.notify_one();

    let second = OriginServer::at(&address).await;
    let mut results = second.results().await;
    let outcome = decode_outcome(&in_time(results.next()).await.unwrap().body).unwrap();
    assert!(matches!(outcome.end, End::Succeeded { .. }) && outcome.lease == sent.lease());
    assert_eq!(second.payloads.get(sent.draft()).await.unwrap(), Some(Bytes::from("1")));
}

#[tokio::test]
async fn a_worker_that_comes_back_renews_what_it_still_runs() {
    let folder = tempfile::tempdir().unwrap();
    let address = LinkAddress::Unix(folder.path().join("run/link"));
    let first = OriginServer::at(&address).await;
    let mut progress = first.listen(Filter::PROGRESS).await;
    let (engine, gate) = Gated::new();
    let _worker = first.link(engine).await;
    let sent = first.dispatch("1").await;
    in_time(progress.next()).await.unwrap();
    first.close().await;

    let second = OriginServer::at(&address).await;
    let mut heartbeats = second.listen(Filter::HEARTBEATS).await;
    let mut results = second.results().await;
    let heartbeat = decode_heartbeat(&in_time(heartbeats.next()).await.unwrap().body).unwrap();
    assert_eq!(heartbeat.held.iter().map(|held| held.lease).collect::<Vec<_>>(), [sent.lease()]);
    gate.notify_one();
    let outcome = decode_outcome(&in_time(results.next()).await.unwrap().body).unwrap();
    assert_eq!(outcome.lease, sent.lease());
}
