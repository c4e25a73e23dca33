use cortex_domain::share::Share;

use super::*;
use crate::contract::heartbeat;
use crate::{bus_contract, contract};

bus_contract!(async {
    Some(((), Embedded::new(Room { ack_timeout: contract::ACK_TIMEOUT, ..Room::default() })))
});

fn narrow() -> Embedded {
    Embedded::new(Room { waiting: 1, queued: 1, ..Room::default() })
}

#[tokio::test(start_paused = true)]
async fn a_responder_without_room_is_waited_for_as_long_as_the_request_may_take() {
    let bus = narrow();
    let mut responder = bus.respond(Filter::only(&Subject::call(Share::FIRST))).await.unwrap();
    let ask = |text: &'static str| {
        bus.request(Subject::call(Share::FIRST), Bytes::from(text), Duration::from_secs(5))
    };
    let unanswered = Err(RequestError::Unanswered(Subject::call(Share::FIRST)));
    assert_eq!(tokio::join!(ask("1"), ask("2")), (unanswered.clone(), unanswered));

    let answering = async {
        let stale = responder.next().await.unwrap();
        assert_eq!(stale.body, "1");
        let waited = responder.next().await.unwrap();
        waited.reply.send(waited.body);
    };
    let (answer, ()) = tokio::join!(ask("3"), answering);
    assert_eq!(answer, Ok(Bytes::from("3")));
}

#[tokio::test(start_paused = true)]
async fn a_responder_that_never_reads_delays_only_its_own_requests() {
    let bus = narrow();
    let _never_reads = bus.respond(Filter::only(&Subject::call(Share::FIRST))).await.unwrap();
    let mut reads = bus.respond(Filter::only(&Subject::call(Share::FIRST))).await.unwrap();
    let ask = || bus.request(Subject::call(Share::FIRST), Bytes::new(), Duration::from_secs(5));
    let answering = async {
        loop {
            reads.next().await.unwrap().reply.send(Bytes::new());
        }
    };
    let asking = futures::future::join_all((0..16).map(|_| ask()));
    let answers = tokio::select! {
        answers = asking => answers,
        () = answering => unreachable!("it never ends"),
    };
    assert_eq!(answers.iter().filter(|answer| answer.is_err()).count(), 1, "{answers:?}");
}

#[tokio::test]
async fn a_request_that_is_dropped_without_an_answer_fails_at_once() {
    let bus = Embedded::default();
    let mut responder = bus.respond(Filter::only(&Subject::call(Share::FIRST))).await.unwrap();
    let asking = bus.request(Subject::call(Share::FIRST), Bytes::new(), Duration::from_secs(3600));
    let (asked, _) = tokio::join!(asking, async { drop(responder.next().await) });
    assert_eq!(asked, Err(RequestError::Unanswered(Subject::call(Share::FIRST))));
}

#[tokio::test]
async fn a_full_listener_does_not_affect_the_others() {
    let bus = narrow();
    let mut unread = bus.subscribe(Filter::HEARTBEATS).await.unwrap();
    let mut other = bus.subscribe(Filter::HEARTBEATS).await.unwrap();
    for text in ["1", "2", "3"] {
        bus.publish(heartbeat(), Bytes::from(text));
        assert_eq!(other.next().await.unwrap().body, text);
    }
    assert_eq!(unread.next().await.unwrap().body, "1");
    bus.publish(heartbeat(), Bytes::from("4"));
    assert_eq!(unread.next().await.unwrap().body, "4");
}

#[tokio::test]
async fn a_full_queue_says_so_and_no_other_queue_is_full() {
    let bus = narrow();
    bus.append(Subject::result(Share::FIRST), Bytes::from("1")).await.unwrap();
    let refused = bus.append(Subject::result(Share::FIRST), Bytes::from("2")).await;
    assert_eq!(refused, Err(AppendError::Full(Subject::result(Share::FIRST))));
    bus.append(Subject::submit(Share::FIRST), Bytes::from("3")).await.unwrap();

    let mut consumer = bus.consume(Subject::result(Share::FIRST)).await.unwrap();
    consumer.next().await.unwrap().receipt.ack();
    bus.append(Subject::result(Share::FIRST), Bytes::from("2")).await.unwrap();
}

#[tokio::test]
async fn consumers_that_wait_are_all_woken() {
    let bus = Embedded::default();
    let mut consumers = Vec::new();
    for _ in 0..8 {
        let mut consumer = bus.consume(Subject::result(Share::FIRST)).await.unwrap();
        consumers
            .push(tokio::spawn(async move { consumer.next().await.map(|delivery| delivery.receipt.ack()) }));
    }
    tokio::task::yield_now().await;
    for _ in 0..8 {
        bus.append(Subject::result(Share::FIRST), Bytes::new()).await.unwrap();
    }
    for consumer in consumers {
        assert!(consumer.await.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_closed_bus_lets_listeners_read_to_the_end() {
    let bus = Embedded::default();
    let mut listener = bus.subscribe(Filter::HEARTBEATS).await.unwrap();
    let mut consumers = [
        bus.consume(Subject::result(Share::FIRST)).await.unwrap(),
        bus.consume(Subject::result(Share::FIRST)).await.unwrap(),
        bus.consume(Subject::result(Share::FIRST)).await.unwrap(),
    ];
    bus.publish(heartbeat(), Bytes::from("last"));
    bus.append(Subject::result(Share::FIRST), Bytes::from("last")).await.unwrap();
    bus.close();
    assert_eq!(bus.append(Subject::result(Share::FIRST), Bytes::new()).await, Err(BusError::Closed.into()));
    let asked = bus.request(Subject::call(Share::FIRST), Bytes::new(), Duration::from_secs(5)).await;
    assert_eq!(asked, Err(BusError::Closed.into()));
    assert_eq!(bus.subscribe(Filter::PROGRESS).await.unwrap_err(), BusError::Closed);
    assert_eq!(bus.consume(Subject::submit(Share::FIRST)).await.unwrap_err(), BusError::Closed);
    assert_eq!(listener.next().await.unwrap().body, "last");
    assert!(listener.next().await.is_none());
    assert_eq!(consumers[0].next().await.unwrap().body, "last");
    for consumer in &mut consumers {
        assert!(consumer.next().await.is_none());
    }
}

#[tokio::test]
async fn waiting_consumers_learn_that_the_bus_is_closed() {
    let bus = Embedded::default();
    let mut waiting = Vec::new();
    for _ in 0..8 {
        let mut consumer = bus.consume(Subject::result(Share::FIRST)).await.unwrap();
        waiting.push(tokio::spawn(async move { consumer.next().await.is_none() }));
    }
    tokio::task::yield_now().await;
    bus.close();
    for consumer in waiting {
        assert!(consumer.await.unwrap());
    }
}
