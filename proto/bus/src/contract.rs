//! What every bus must do, as tests over a fresh one.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cortex_domain::id::JobId;
use cortex_domain::ports::{Bus, BusError, Subscription};
use cortex_domain::subject::{Filter, Subject};
use cortex_domain::time::Timestamp;

/// Makes the contract's tests for the bus that an expression builds.
macro_rules! contract {
    ($bus:expr) => {
        $crate::contract::contract! { $bus;
            a_message_reaches_every_listener_in_order
            a_wildcard_takes_what_matches_and_nothing_else
            of_a_group_one_member_gets_each_message
            groups_and_single_listeners_all_get_a_message
            a_request_is_answered
            the_first_of_two_replies_counts
            a_request_that_nobody_hears_fails_at_once
            a_request_that_nobody_answers_fails
            a_dropped_subscription_hears_nothing
        }
    };
    ($bus:expr; $($name:ident)*) => {
        $(
            #[tokio::test]
            async fn $name() {
                $crate::contract::$name(std::sync::Arc::new($bus)).await;
            }
        )*
    };
}
pub(super) use contract;

type Tested = Arc<dyn Bus>;

const DELIVERY_TIMEOUT: Duration = Duration::from_secs(5);

fn progress(n: u8) -> Subject {
    Subject::progress(JobId::mint(Timestamp::from_millis(1), [n; 10]))
}

async fn listen(bus: &Tested, filter: Filter, group: Option<&'static str>) -> Box<dyn Subscription> {
    bus.subscribe(filter, group).await.unwrap()
}

async fn publish(bus: &Tested, subject: &Subject, body: &'static str) {
    bus.publish(subject.clone(), Bytes::from(body)).await.unwrap();
}

async fn heard(listener: &mut dyn Subscription) -> Bytes {
    tokio::time::timeout(DELIVERY_TIMEOUT, listener.next())
        .await
        .expect("a message in time")
        .expect("an open bus")
        .body
}

pub(super) async fn a_message_reaches_every_listener_in_order(bus: Tested) {
    let mut one = listen(&bus, Filter::only(&Subject::JOB_RESULT), None).await;
    let mut two = listen(&bus, Filter::only(&Subject::JOB_RESULT), None).await;
    publish(&bus, &Subject::JOB_RESULT, "a").await;
    publish(&bus, &Subject::JOB_RESULT, "b").await;
    for listener in [&mut one, &mut two] {
        assert_eq!(heard(listener.as_mut()).await, "a");
        assert_eq!(heard(listener.as_mut()).await, "b");
    }
}

pub(super) async fn a_wildcard_takes_what_matches_and_nothing_else(bus: Tested) {
    let mut all = listen(&bus, Filter::PROGRESS, None).await;
    let _other = listen(&bus, Filter::only(&Subject::JOB_RESULT), None).await;
    publish(&bus, &Subject::JOB_RESULT, "not this").await;
    publish(&bus, &progress(1), "one").await;
    publish(&bus, &progress(2), "two").await;
    assert_eq!(heard(all.as_mut()).await, "one");
    assert_eq!(heard(all.as_mut()).await, "two");
}

pub(super) async fn of_a_group_one_member_gets_each_message(bus: Tested) {
    let filter = Filter::only(&Subject::JOB_SUBMIT);
    let mut one = listen(&bus, filter.clone(), Some("schedulers")).await;
    let mut two = listen(&bus, filter, Some("schedulers")).await;
    let count = 32;
    for _ in 0..count {
        publish(&bus, &Subject::JOB_SUBMIT, "job").await;
    }
    let mut shares = [0, 0];
    for _ in 0..count {
        let taker = tokio::select! {
            _ = heard(one.as_mut()) => 0,
            _ = heard(two.as_mut()) => 1,
        };
        shares[taker] += 1;
    }
    assert!(shares.iter().all(|share| *share > 0), "{shares:?}");
}

pub(super) async fn groups_and_single_listeners_all_get_a_message(bus: Tested) {
    let filter = Filter::only(&Subject::JOB_RESULT);
    let mut scheduler = listen(&bus, filter.clone(), Some("schedulers")).await;
    let mut recorder = listen(&bus, filter.clone(), Some("recorders")).await;
    let mut alone = listen(&bus, filter, None).await;
    publish(&bus, &Subject::JOB_RESULT, "done").await;
    for listener in [&mut scheduler, &mut recorder, &mut alone] {
        assert_eq!(heard(listener.as_mut()).await, "done");
    }
}

pub(super) async fn a_request_is_answered(bus: Tested) {
    let mut listener = listen(&bus, Filter::only(&Subject::JOB_CALL), None).await;
    let answering = tokio::spawn(async move {
        let call = listener.next().await.unwrap();
        call.reply.unwrap().send(call.body).await
    });
    let answer = bus.request(Subject::JOB_CALL, Bytes::from("ping"), DELIVERY_TIMEOUT).await;
    assert_eq!(answer, Ok(Bytes::from("ping")));
    answering.await.unwrap().unwrap();
}

pub(super) async fn the_first_of_two_replies_counts(bus: Tested) {
    let mut one = listen(&bus, Filter::only(&Subject::JOB_CALL), None).await;
    let mut two = listen(&bus, Filter::only(&Subject::JOB_CALL), None).await;
    let answering = tokio::spawn(async move {
        let (first, second) = (one.next().await.unwrap(), two.next().await.unwrap());
        first.reply.unwrap().send(Bytes::from("first")).await.unwrap();
        second.reply.unwrap().send(Bytes::from("second")).await.unwrap();
    });
    let answer = bus.request(Subject::JOB_CALL, Bytes::new(), DELIVERY_TIMEOUT).await;
    assert_eq!(answer, Ok(Bytes::from("first")));
    answering.await.unwrap();
}

pub(super) async fn a_request_that_nobody_hears_fails_at_once(bus: Tested) {
    let asked = bus.request(Subject::JOB_CALL, Bytes::new(), Duration::from_secs(3600)).await;
    assert_eq!(asked, Err(BusError::NoListener(Subject::JOB_CALL)));
}

pub(super) async fn a_request_that_nobody_answers_fails(bus: Tested) {
    let mut listener = listen(&bus, Filter::only(&Subject::JOB_CALL), None).await;
    let asking = bus.request(Subject::JOB_CALL, Bytes::new(), Duration::from_millis(50));
    let (asked, heard) = tokio::join!(asking, listener.next());
    assert_eq!(asked, Err(BusError::TimedOut(Subject::JOB_CALL)));
    assert!(heard.is_some());
}

pub(super) async fn a_dropped_subscription_hears_nothing(bus: Tested) {
    for filter in [Filter::only(&progress(1)), Filter::PROGRESS] {
        drop(listen(&bus, filter, None).await);
    }
    let asked = bus.request(progress(1), Bytes::new(), DELIVERY_TIMEOUT).await;
    assert_eq!(asked, Err(BusError::NoListener(progress(1))));
}
