//! The contract of a bus, as tests. A bus runs them with [`bus_contract!`](crate::bus_contract).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cortex_domain::id::JobId;
use cortex_domain::ports::{Bus, Delivery, Event, Request, RequestError, Subscription};
use cortex_domain::share::Share;
use cortex_domain::subject::{Filter, Published, Queued, Subject};
use cortex_domain::time::Timestamp;

/// After what time a bus under test redelivers an unacknowledged message.
/// Returns a subject of events.
///
/// # Panics
/// Never: the names are valid.
#[must_use]
pub fn heartbeat() -> Subject<Published> {
    let (worker, pool) = ("w1".parse().expect("a worker id"), "echo".parse().expect("a pool"));
    Subject::heartbeat(&worker, &pool)
}

pub const ACK_TIMEOUT: Duration = Duration::from_millis(200);
/// The longest time for a delivery.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(10);

/// Generates the contract's tests. A future makes a server and an empty bus on it for each test, or
/// `None` where the server is not installed. The bus redelivers unacknowledged messages after
/// [`ACK_TIMEOUT`](crate::contract::ACK_TIMEOUT).
#[macro_export]
macro_rules! bus_contract {
    ($started:expr) => {
        $crate::bus_contract! { $started;
            a_request_is_answered
            a_request_reaches_one_responder
            requests_reach_every_responder_in_turn
            a_request_that_nothing_answers_on_fails_at_once
            a_request_without_a_reply_fails_in_time
            a_responder_that_has_gone_is_asked_nothing
            what_is_published_reaches_every_listener_in_order
            a_wildcard_takes_what_matches_and_nothing_else
            publishing_never_waits_for_a_listener
            a_message_is_delivered_to_one_consumer
            a_message_that_came_before_its_consumer_is_delivered
            what_is_acknowledged_is_not_delivered_again
            what_is_sent_back_is_delivered_again_after_its_pause
            what_is_not_acknowledged_is_delivered_again
            what_a_consumer_leaves_is_delivered_to_the_next
        }
    };
    ($started:expr; $($name:ident)*) => {
        $(
            #[tokio::test]
            async fn $name() {
                let Some((_server, bus)) = $started.await else { return };
                $crate::contract::$name(std::sync::Arc::new(bus)).await;
            }
        )*
    };
}

type Tested = Arc<dyn Bus>;

fn progress(n: u8) -> Subject<Published> {
    Subject::progress(JobId::mint(Timestamp::from_millis(1), [n; 10]))
}

async fn next<T>(subscription: &mut dyn Subscription<T>) -> T {
    tokio::time::timeout(DELIVERY_TIMEOUT, subscription.next())
        .await
        .expect("a message in time")
        .expect("an open bus")
}

async fn respond(bus: &Tested) -> Box<dyn Subscription<Request>> {
    bus.respond(Filter::only(&Subject::call(Share::FIRST))).await.expect("an open bus")
}

async fn listen(bus: &Tested, filter: Filter<Published>) -> Box<dyn Subscription<Event>> {
    bus.subscribe(filter).await.expect("an open bus")
}

async fn consume(bus: &Tested, subject: &Subject<Queued>) -> Box<dyn Subscription<Delivery>> {
    bus.consume(subject.clone()).await.expect("an open bus")
}

async fn append(bus: &Tested, subject: &Subject<Queued>, body: &'static str) {
    bus.append(subject.clone(), Bytes::from(body)).await.expect("room in the queue");
}

/// Checks that no message arrives for longer than a redelivery takes.
async fn nothing_comes(subscription: &mut dyn Subscription<Delivery>) {
    let next = tokio::time::timeout(2 * ACK_TIMEOUT, subscription.next()).await;
    assert!(next.is_err(), "{next:?}");
}

pub async fn a_request_is_answered(bus: Tested) {
    let mut responder = respond(&bus).await;
    let answering = async {
        let Request { subject, body, reply } = next(responder.as_mut()).await;
        assert_eq!(subject, Subject::call(Share::FIRST));
        reply.send(body);
    };
    let asking = bus.request(Subject::call(Share::FIRST), Bytes::from("ping"), DELIVERY_TIMEOUT);
    let (answer, ()) = tokio::join!(asking, answering);
    assert_eq!(answer, Ok(Bytes::from("ping")));
}

pub async fn a_request_reaches_one_responder(bus: Tested) {
    let (mut one, mut two) = (respond(&bus).await, respond(&bus).await);
    let answering = async {
        let request = tokio::select! {
            request = next(one.as_mut()) => request,
            request = next(two.as_mut()) => request,
        };
        request.reply.send(Bytes::from("first"));
    };
    let asking = bus.request(Subject::call(Share::FIRST), Bytes::new(), DELIVERY_TIMEOUT);
    let (answer, ()) = tokio::join!(asking, answering);
    assert_eq!(answer, Ok(Bytes::from("first")));
    let second = async {
        tokio::select! { _ = one.next() => (), _ = two.next() => () }
    };
    assert!(tokio::time::timeout(ACK_TIMEOUT, second).await.is_err(), "both were asked");
}

pub async fn requests_reach_every_responder_in_turn(bus: Tested) {
    let (mut one, mut two) = (respond(&bus).await, respond(&bus).await);
    let mut shares = [0, 0];
    for _ in 0..32 {
        let asking = bus.request(Subject::call(Share::FIRST), Bytes::new(), DELIVERY_TIMEOUT);
        let answering = async {
            let (share, request) = tokio::select! {
                request = next(one.as_mut()) => (0, request),
                request = next(two.as_mut()) => (1, request),
            };
            shares[share] += 1;
            request.reply.send(Bytes::new());
        };
        let (answer, ()) = tokio::join!(asking, answering);
        assert_eq!(answer, Ok(Bytes::new()));
    }
    assert!(shares.iter().all(|share| *share > 0), "{shares:?}");
}

pub async fn a_request_that_nothing_answers_on_fails_at_once(bus: Tested) {
    let asking = bus.request(Subject::call(Share::FIRST), Bytes::new(), Duration::from_secs(3600));
    let asked = tokio::time::timeout(DELIVERY_TIMEOUT, asking).await.expect("an answer at once");
    assert_eq!(asked, Err(RequestError::NoResponder(Subject::call(Share::FIRST))));
}

pub async fn a_request_without_a_reply_fails_in_time(bus: Tested) {
    let mut responder = respond(&bus).await;
    let asking = bus.request(Subject::call(Share::FIRST), Bytes::new(), Duration::from_millis(50));
    let (asked, request) = tokio::join!(asking, next(responder.as_mut()));
    assert_eq!(asked, Err(RequestError::Unanswered(Subject::call(Share::FIRST))));
    // A late reply is lost.
    request.reply.send(Bytes::new());
}

pub async fn a_responder_that_has_gone_is_asked_nothing(bus: Tested) {
    drop(respond(&bus).await);
    let asked = bus.request(Subject::call(Share::FIRST), Bytes::new(), DELIVERY_TIMEOUT).await;
    assert_eq!(asked, Err(RequestError::NoResponder(Subject::call(Share::FIRST))));
}

pub async fn what_is_published_reaches_every_listener_in_order(bus: Tested) {
    let filter = Filter::HEARTBEATS;
    let (mut one, mut two) = (listen(&bus, filter.clone()).await, listen(&bus, filter).await);
    for text in ["a", "b"] {
        bus.publish(heartbeat(), Bytes::from(text));
    }
    for listener in [&mut one, &mut two] {
        for text in ["a", "b"] {
            assert_eq!(next(listener.as_mut()).await.body, text);
        }
    }
}

pub async fn a_wildcard_takes_what_matches_and_nothing_else(bus: Tested) {
    let mut all = listen(&bus, Filter::PROGRESS).await;
    bus.publish(heartbeat(), Bytes::from("not this"));
    for n in [1, 2] {
        bus.publish(progress(n), Bytes::from(vec![n]));
    }
    for n in [1, 2] {
        assert_eq!(next(all.as_mut()).await, Event { subject: progress(n), body: Bytes::from(vec![n]) });
    }
}

/// Checks that a subscriber that never reads delays neither publishers nor other subscribers.
pub async fn publishing_never_waits_for_a_listener(bus: Tested) {
    let filter = Filter::HEARTBEATS;
    let (_never_reads, mut reads) = (listen(&bus, filter.clone()).await, listen(&bus, filter).await);
    for n in 0..10_000u32 {
        bus.publish(heartbeat(), Bytes::from(n.to_be_bytes().to_vec()));
        assert_eq!(next(reads.as_mut()).await.body[..], n.to_be_bytes());
    }
}

pub async fn a_message_is_delivered_to_one_consumer(bus: Tested) {
    let subject = Subject::result(Share::FIRST);
    let (mut one, mut two) = (consume(&bus, &subject).await, consume(&bus, &subject).await);
    let mut left: BTreeSet<&str> = BTreeSet::from(["a", "b", "c", "d"]);
    for text in left.clone() {
        append(&bus, &subject, text).await;
    }
    while !left.is_empty() {
        let delivery = tokio::select! {
            delivery = next(one.as_mut()) => delivery,
            delivery = next(two.as_mut()) => delivery,
        };
        let text = std::str::from_utf8(&delivery.body).expect("a text");
        assert!(left.remove(text), "{text} came twice");
        delivery.receipt.ack();
    }
}

pub async fn a_message_that_came_before_its_consumer_is_delivered(bus: Tested) {
    append(&bus, &Subject::submit(Share::FIRST), "early").await;
    let delivery = next(consume(&bus, &Subject::submit(Share::FIRST)).await.as_mut()).await;
    assert_eq!(delivery.body, "early");
    delivery.receipt.ack();
}

pub async fn what_is_acknowledged_is_not_delivered_again(bus: Tested) {
    let mut consumer = consume(&bus, &Subject::result(Share::FIRST)).await;
    append(&bus, &Subject::result(Share::FIRST), "once").await;
    next(consumer.as_mut()).await.receipt.ack();
    nothing_comes(consumer.as_mut()).await;
}

pub async fn what_is_sent_back_is_delivered_again_after_its_pause(bus: Tested) {
    let mut consumer = consume(&bus, &Subject::result(Share::FIRST)).await;
    append(&bus, &Subject::result(Share::FIRST), "twice").await;
    let pause = Duration::from_millis(100);
    let sent_back = tokio::time::Instant::now();
    next(consumer.as_mut()).await.receipt.nak(pause);
    let again = next(consumer.as_mut()).await;
    assert_eq!(again.body, "twice");
    assert!(sent_back.elapsed() >= pause);
    again.receipt.ack();
    nothing_comes(consumer.as_mut()).await;
}

pub async fn what_is_not_acknowledged_is_delivered_again(bus: Tested) {
    let mut consumer = consume(&bus, &Subject::result(Share::FIRST)).await;
    append(&bus, &Subject::result(Share::FIRST), "twice").await;
    let held = next(consumer.as_mut()).await;
    let again = next(consumer.as_mut()).await;
    assert_eq!((held.body, again.body.clone()), (again.body.clone(), Bytes::from("twice")));
    again.receipt.ack();
}

pub async fn what_a_consumer_leaves_is_delivered_to_the_next(bus: Tested) {
    let mut leaver = consume(&bus, &Subject::result(Share::FIRST)).await;
    append(&bus, &Subject::result(Share::FIRST), "a").await;
    append(&bus, &Subject::result(Share::FIRST), "b").await;
    drop(next(leaver.as_mut()).await);
    drop(leaver);
    let mut stays = consume(&bus, &Subject::result(Share::FIRST)).await;
    let mut came = BTreeSet::new();
    for _ in 0..2 {
        let delivery = next(stays.as_mut()).await;
        came.insert(delivery.body);
        delivery.receipt.ack();
    }
    assert_eq!(came, BTreeSet::from([Bytes::from("a"), Bytes::from("b")]));
}
