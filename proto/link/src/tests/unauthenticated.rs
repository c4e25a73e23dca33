//! Peers that speak the protocol without a valid token.

use std::time::Duration;

use cortex_wire::link::UpFrame;
use cortex_wire::v1::{self, link_client::LinkClient};
use futures::{StreamExt, stream};
use tokio::time::{Instant, timeout};
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::TEST_TIMEOUT;
use super::origin::{Origin, worker};
use crate::dial::dial;
use crate::hello::MAX_HELLO;

/// Long enough for a hello to arrive, and shorter than a rejection takes.
const RESET_AFTER: Duration = Duration::from_millis(300);

/// Sends a token over a separate connection.
async fn show(channel: &Channel, token: &str) -> Result<(), Status> {
    let hello: v1::Up = UpFrame::Hello { token: token.into(), worker: worker("w1") }.into();
    let said = stream::once(async { hello }).chain(stream::pending());
    let mut frames = LinkClient::new(channel.clone()).open(said).await?.into_inner();
    frames.message().await.map(drop)
}

#[tokio::test]
async fn a_guess_that_is_reset_before_its_refusal_costs_the_connection_too() {
    let origin = Origin::start().await;
    let channel = dial(&origin.route).await.unwrap();
    assert!(timeout(RESET_AFTER, show(&channel, "guess")).await.is_err(), "a refusal takes longer");
    let next = timeout(TEST_TIMEOUT, show(&channel, "token")).await.unwrap().unwrap_err();
    assert_eq!(next.code(), Code::Unavailable, "{next}");
    let began = Instant::now();
    let cut = async {
        while show(&channel, "token").await.unwrap_err().message().contains("is closing") {
            tokio::task::yield_now().await;
        }
    };
    timeout(TEST_TIMEOUT, cut).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(2), "after {:?}", began.elapsed());
}

#[tokio::test]
async fn a_hello_that_is_too_long_is_refused_by_its_length() {
    let origin = Origin::start().await;
    let channel = dial(&origin.route).await.unwrap();
    let refused = timeout(TEST_TIMEOUT, show(&channel, &"x".repeat(MAX_HELLO))).await.unwrap().unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
    assert!(refused.message().contains("expected at most 262144"), "{refused}");
}
