//! Who may join over TCP, and the cost for others.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use cortex_domain::subject::Filter;
use cortex_domain::worker::Heartbeat;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::origin::{Origin, worker};
use super::{Inbound, TEST_TIMEOUT, joined, next};
use crate::connections::MAX_UNADMITTED;
use crate::origin::Origin as _;
use crate::{Dial, Identity, Limits, LinkAddress, Route, TokenHash, WorkerToken, open};

fn kept(id: &str, text: &str, pool: &str, revoked: bool) -> WorkerToken {
    let pools = [pool.parse().unwrap()].into();
    WorkerToken { id: id.parse().unwrap(), pools, hash: TokenHash::of(text), revoked }
}

async fn refusal(inbox: &mut crate::origin::Inbox) -> String {
    match next(inbox).await {
        Some(Inbound::Refused { reason }) => reason,
        other => panic!("a refusal, not {other:?}"),
    }
}

fn socket(route: &Route) -> SocketAddr {
    let Route::Tcp(address, _) = route else { panic!("a TCP address") };
    address.to_string().parse().unwrap()
}

#[tokio::test]
async fn an_origin_with_another_certificate_is_rejected() {
    let origin = Origin::start().await;
    let Route::Tcp(address, _) = &origin.route else { panic!("a TCP address") };
    let other = Identity::generate().unwrap().fingerprint();
    let dial = Dial { route: Route::Tcp(address.clone(), other), ..origin.dial("token") };
    let (_link, mut inbox) = open(dial, Box::new(|| worker("w1")));
    assert!(refusal(&mut inbox).await.contains("certificate"));
}

#[tokio::test]
async fn a_token_of_another_pool_is_refused_by_name() {
    let origin = Origin::start().await;
    let (_link, mut inbox) = origin.connect_as("w1", "gpu", "token");
    assert_eq!(refusal(&mut inbox).await, "the token `test` does not allow the pool `gpu`");
}

#[tokio::test]
async fn a_revoked_token_that_never_admitted_a_worker_is_refused_for_good() {
    let origin = Origin::start().await;
    origin.server.keep_tokens(vec![kept("box", "kept", "gpu", true)]);
    let (_link, mut inbox) = origin.connect_as("w1", "gpu", "kept");
    assert_eq!(refusal(&mut inbox).await, "the token `box` is revoked");
    assert_eq!(next(&mut inbox).await, None);
}

#[tokio::test]
async fn the_link_of_a_revoked_token_ends_and_comes_back_once_the_token_is_good_again() {
    let origin = Origin::start().await;
    origin.server.keep_tokens(vec![kept("box", "kept", "gpu", false)]);
    let (_link, mut inbox) = origin.connect_as("w1", "gpu", "kept");
    joined(&mut inbox).await;
    let began = Instant::now();
    origin.server.keep_tokens(vec![kept("box", "kept", "gpu", true)]);
    assert_eq!(next(&mut inbox).await, Some(Inbound::Lost));
    assert!(began.elapsed() < Duration::from_secs(1));
    // Longer than the rejection of the first attempt takes.
    let inbound = tokio::time::timeout(Duration::from_secs(2), futures::StreamExt::next(&mut inbox)).await;
    assert!(inbound.is_err(), "{inbound:?}");
    origin.server.keep_tokens(vec![kept("box", "kept", "gpu", false)]);
    joined(&mut inbox).await;
}

#[tokio::test]
async fn a_worker_that_has_joined_waits_while_another_origin_answers() {
    let identity = Identity::generate().unwrap();
    let address: LinkAddress = "tcp:127.0.0.1:0".parse().unwrap();
    let origin = Origin::with(&address, &identity).await;
    let Route::Tcp(address, _) = origin.route.clone() else { panic!("a TCP address") };
    let address = LinkAddress::Tcp(address);
    let (_link, mut inbox) = origin.connect("w1");
    joined(&mut inbox).await;
    origin.stop().await;
    assert_eq!(next(&mut inbox).await, Some(Inbound::Lost));

    let other = Origin::at(&address).await;
    // Longer than the first attempts are apart.
    let inbound =
        tokio::time::timeout(Duration::from_millis(500), futures::StreamExt::next(&mut inbox)).await;
    assert!(inbound.is_err(), "{inbound:?}");
    other.stop().await;
    let _again = Origin::with(&address, &identity).await;
    joined(&mut inbox).await;
}

#[tokio::test]
async fn an_admitted_worker_can_not_change_its_pool() {
    let origin = Origin::start().await;
    let mut heartbeats = origin.listen(Filter::HEARTBEATS).await;
    let (link, mut inbox) = origin.connect("w1");
    joined(&mut inbox).await;
    heartbeats.next().await.unwrap();
    let turned = Heartbeat { pool: "gpu".parse().unwrap(), ..worker("w1") };
    link.heartbeat(turned).await.unwrap();
    let dropped = async {
        while origin.server.dropped() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(TEST_TIMEOUT, dropped).await.expect("the heartbeat is dropped");
}

#[tokio::test]
async fn a_worker_can_not_take_the_id_of_one_with_another_token() {
    let origin = Origin::start().await;
    origin.tokens.admit_text("other".parse().unwrap(), ["gpu".parse().unwrap()], "other");
    let (_link, mut inbox) = origin.connect("w1");
    joined(&mut inbox).await;
    let (thief, mut stolen) = origin.connect_as("w1", "gpu", "other");
    let inbound =
        tokio::time::timeout(Duration::from_millis(500), futures::StreamExt::next(&mut stolen)).await;
    assert!(inbound.is_err(), "{inbound:?}");
    thief.close();
    origin.dispatch("w1", Some("in")).await;
    assert_eq!(super::job(&mut inbox).await.1, "in");
}

#[tokio::test]
async fn a_guess_at_a_token_costs_a_second_and_the_connection() {
    let origin = Origin::start().await;
    let began = Instant::now();
    let (_link, mut inbox) = origin.connect_with("w1", "guess");
    assert_eq!(refusal(&mut inbox).await, "unknown token");
    assert!(began.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_token_that_was_made_a_moment_ago_is_not_refused() {
    let origin = Origin::start().await;
    let (_link, mut inbox) = origin.connect_as("w1", "gpu", "kept");
    tokio::time::sleep(Duration::from_millis(300)).await;
    origin.server.keep_tokens(vec![kept("box", "kept", "gpu", false)]);
    joined(&mut inbox).await;
}

#[tokio::test]
async fn a_peer_that_never_finishes_its_handshake_is_cut_off_and_delays_no_other() {
    let origin = Origin::start().await;
    let mut silent = TcpStream::connect(socket(&origin.route)).await.unwrap();
    let (_link, mut inbox) = origin.connect("w1");
    joined(&mut inbox).await;
    let ended = tokio::time::timeout(Duration::from_secs(12), silent.read(&mut [0; 1])).await;
    assert!(matches!(ended, Ok(Ok(0) | Err(_))), "{ended:?}");
}

#[tokio::test]
async fn a_flood_of_silent_peers_excludes_no_worker_and_the_oldest_make_room() {
    let origin = Origin::start().await;
    let mut silent = Vec::new();
    for _ in 0..4 * MAX_UNADMITTED {
        silent.push(TcpStream::connect(socket(&origin.route)).await.unwrap());
    }
    let began = Instant::now();
    let (_link, mut inbox) = origin.connect("w1");
    joined(&mut inbox).await;
    let ended = tokio::time::timeout(TEST_TIMEOUT, silent[0].read(&mut [0; 1])).await;
    assert!(matches!(ended, Ok(Ok(0) | Err(_))), "{ended:?}");
    assert!(began.elapsed() < Duration::from_secs(5), "before a handshake times out");
}

#[tokio::test]
async fn plain_http_is_not_spoken() {
    let origin = Origin::start().await;
    let address = socket(&origin.route);
    let plain = tonic::transport::Endpoint::from_shared(format!("http://{address}")).unwrap();
    let channel = plain.connect().await.unwrap();
    let mut client = cortex_wire::v1::link_client::LinkClient::new(channel);
    assert!(client.open(futures::stream::empty()).await.is_err());
}

#[tokio::test]
async fn a_missing_origin_is_retried() {
    let origin = Origin::start().await;
    let route = origin.route.clone();
    origin.stop().await;
    let dial = Dial { route, token: "token".into(), limits: Limits::default() };
    let (link, mut inbox) = open(dial, Box::new(|| worker("w1")));
    let inbound =
        tokio::time::timeout(Duration::from_millis(300), futures::StreamExt::next(&mut inbox)).await;
    assert!(inbound.is_err(), "{inbound:?}");
    link.close();
}
