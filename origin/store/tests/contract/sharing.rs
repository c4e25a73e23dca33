//! How processes share a store on a server.

use cortex_domain::ownership::{SchedulerId, Turn};
use cortex_domain::ports::{Acceptance, Store};
use cortex_domain::share::{Epoch, Share, Term};
use cortex_store::Sharing;

use super::fixtures::{accepted, request, submission};

/// Checks which processes can write, by `open`, which opens the store as another process.
pub(crate) async fn write_side_by_side<S: Store>(open: impl Fn(Sharing) -> S) {
    let alone = open(Sharing::Alone);
    accepted(&alone, "acme", 1).await;
    let (one, two) = (open(Sharing::Shared), open(Sharing::Shared));
    assert!(alone.accept(submission(request("acme", 2))).await.is_err(), "it no longer has the store");
    let job = accepted(&one, "acme", 2).await;
    let again = two.accept(submission(request("acme", 2))).await.unwrap();
    assert_eq!(again, Acceptance::Known(job));
    // Each sees what the other changes, and learns of it without polling.
    let seen = two.changed(0).await;
    accepted(&one, "acme", 3).await;
    tokio::time::timeout(std::time::Duration::from_secs(10), two.changed(seen)).await.unwrap();

    let scheduler = SchedulerId::new([1; 16]);
    let take =
        Turn { take: vec![Term { share: Share::FIRST, epoch: Epoch(0) }], ..Turn::heartbeat(scheduler) };
    assert!(!one.turn(take).await.unwrap().terms(scheduler).is_empty());
    let third = open(Sharing::Shared);
    assert!(!third.turn(Turn::heartbeat(scheduler)).await.unwrap().terms(scheduler).is_empty());

    let alone = open(Sharing::Alone);
    for process in [&one, &two, &third] {
        assert!(process.accept(submission(request("acme", 9))).await.is_err());
    }
    let standing = alone.turn(Turn::heartbeat(scheduler)).await.unwrap();
    assert!(standing.terms(scheduler).is_empty(), "the owners of before are gone");
    assert_eq!(standing.shares[&Share::FIRST].0, Epoch(1), "an epoch is never used again");
    accepted(&alone, "acme", 4).await;
}
