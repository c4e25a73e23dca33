//! The bus on a real NATS server.

#![allow(clippy::unwrap_used)]

mod credentials;
mod jwt;
mod raw;
mod rights;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cortex_bus::contract::{ACK_TIMEOUT, heartbeat};
use cortex_bus::{Nats, NatsError, NatsFlush, NatsOptions};
use cortex_domain::ports::{
    AppendError, Bus, BusError, Delivery, MessageId, Request, RequestError, Subscription,
};
use cortex_domain::share::Share;
use cortex_domain::subject::{Filter, Subject};
use cortex_platform::metrics::Registry;
use cortex_test_servers::{Nats as Server, NatsOptions as Settings};

const TIMEOUT: Duration = Duration::from_secs(20);

fn options(server: &Server) -> NatsOptions {
    let mut options = NatsOptions::new(&server.url()).unwrap();
    options.ack_timeout = ACK_TIMEOUT;
    options
}

async fn connected(server: &Server) -> Nats {
    Nats::connect(options(server)).await.unwrap()
}

mod contract {
    use super::*;

    async fn started() -> Option<(Server, Nats)> {
        let server = Server::start()?;
        let bus = connected(&server).await;
        Some((server, bus))
    }

    cortex_bus::bus_contract!(started());
}

async fn next(consumer: &mut dyn Subscription<Delivery>) -> Delivery {
    tokio::time::timeout(TIMEOUT, consumer.next()).await.expect("a delivery in time").unwrap()
}

/// Sends a request over `bus`, and answers it by `responder`.
async fn ping(bus: &Nats, responder: &mut dyn Subscription<Request>) {
    let asking = async {
        let answer = bus.request(Subject::call(Share::FIRST), Bytes::from("ping"), TIMEOUT).await;
        assert_eq!(answer, Ok(Bytes::from("pong")));
    };
    let answering = async {
        let request = responder.next().await.unwrap();
        assert_eq!(request.body, "ping");
        request.reply.send(Bytes::from("pong"));
    };
    tokio::join!(asking, answering);
}

/// Appends until the server accepts it.
async fn append(bus: &Nats, body: &'static str) {
    let begun = Instant::now();
    while let Err(error) = bus.append(Subject::result(Share::FIRST), Bytes::from(body)).await {
        assert!(begun.elapsed() < TIMEOUT, "{error}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn two_processes_share_the_messages_of_a_queue() {
    let Some(server) = Server::start() else { return };
    let (one, two) = (connected(&server).await, connected(&server).await);
    let mut consumer = two.consume(Subject::submit(Share::FIRST)).await.unwrap();
    one.append(Subject::submit(Share::FIRST), Bytes::from("x")).await.unwrap();
    next(consumer.as_mut()).await.receipt.ack();
    let mut responder = two.respond(Filter::only(&Subject::call(Share::FIRST))).await.unwrap();
    ping(&one, responder.as_mut()).await;
}

#[tokio::test]
async fn a_responder_is_known_to_every_process_once_it_has_subscribed() {
    let Some(server) = Server::start() else { return };
    let (one, two) = (connected(&server).await, connected(&server).await);
    for _ in 0..200 {
        let mut responder = two.respond(Filter::only(&Subject::call(Share::FIRST))).await.unwrap();
        ping(&one, responder.as_mut()).await;
    }
}

#[tokio::test]
async fn a_queue_that_is_taken_leaves_nothing_with_its_last_consumer() {
    let Some(server) = Server::start() else { return };
    let mut options = options(&server);
    // Much longer than the test may take.
    options.ack_timeout = 10 * TIMEOUT;
    let (one, two) = (Nats::connect(options.clone()).await.unwrap(), Nats::connect(options).await.unwrap());
    let queue = Subject::result(Share::FIRST);
    two.take_queue(queue.clone()).await.unwrap();
    let mut last = one.consume(queue.clone()).await.unwrap();
    for body in ["a", "b", "c"] {
        append(&one, body).await;
    }
    let held = next(last.as_mut()).await;
    two.take_queue(queue.clone()).await.unwrap();
    let mut consumer = two.consume(queue).await.unwrap();
    for body in ["a", "b", "c"] {
        let delivery = next(consumer.as_mut()).await;
        assert_eq!(delivery.body, body);
        delivery.receipt.ack();
    }
    held.receipt.ack();
}

#[tokio::test]
async fn a_responder_that_does_not_answer_hides_no_other_process() {
    let Some(server) = Server::start() else { return };
    let (one, two) = (connected(&server).await, connected(&server).await);
    let filter = Filter::only(&Subject::call(Share::FIRST));
    let _silent = one.respond_beside_others(filter.clone()).await.unwrap();
    let mut responder = two.respond_beside_others(filter).await.unwrap();
    for _ in 0..8 {
        ping(&one, responder.as_mut()).await;
    }
}

#[tokio::test]
async fn a_message_that_is_sent_again_is_queued_once() {
    let Some(server) = Server::start() else { return };
    let bus = connected(&server).await;
    let mut consumer = bus.consume(Subject::submit(Share::FIRST)).await.unwrap();
    for (id, body) in [(1, "a"), (1, "a"), (2, "a"), (1, "b")] {
        bus.append_once(Subject::submit(Share::FIRST), MessageId(id), Bytes::from(body)).await.unwrap();
    }
    for body in ["a", "a", "b"] {
        let delivery = next(consumer.as_mut()).await;
        assert_eq!(delivery.body, body);
        delivery.receipt.ack();
    }
    assert!(tokio::time::timeout(2 * ACK_TIMEOUT, consumer.next()).await.is_err());
}

#[tokio::test]
async fn everything_goes_on_after_the_server_was_killed() {
    let Some(mut server) = Server::start() else { return };
    let bus = connected(&server).await;
    let mut consumer = bus.consume(Subject::result(Share::FIRST)).await.unwrap();
    let mut responder = bus.respond(Filter::only(&Subject::call(Share::FIRST))).await.unwrap();
    append(&bus, "before").await;
    server.kill();
    let begun = Instant::now();
    while bus.append(Subject::result(Share::FIRST), Bytes::from("lost")).await.is_ok() {}
    assert!(matches!(
        bus.request(Subject::call(Share::FIRST), Bytes::new(), Duration::from_secs(3600)).await,
        Err(RequestError::Bus(BusError::Broken(_)))
    ));
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    bus.publish(heartbeat(), Bytes::from("dropped"));
    server.restart();
    append(&bus, "after").await;
    let mut came = Vec::new();
    while came.last().is_none_or(|body| body != "after") {
        let delivery = next(consumer.as_mut()).await;
        came.push(delivery.body.clone());
        delivery.receipt.ack();
    }
    assert!(came.contains(&Bytes::from("before")), "{came:?}");
    ping(&bus, responder.as_mut()).await;
}

#[tokio::test]
async fn a_request_that_waits_learns_that_the_connection_is_lost() {
    let Some(mut server) = Server::start() else { return };
    let bus = connected(&server).await;
    let mut responder = bus.respond(Filter::only(&Subject::call(Share::FIRST))).await.unwrap();
    let asking = bus.request(Subject::call(Share::FIRST), Bytes::new(), Duration::from_secs(3600));
    let killing = async {
        let request = responder.next().await.unwrap();
        server.kill();
        request
    };
    let asked = tokio::time::timeout(TIMEOUT, async { tokio::join!(asking, killing) }).await.unwrap().0;
    assert!(matches!(asked, Err(RequestError::Bus(BusError::Broken(_)))), "{asked:?}");
}

#[tokio::test]
async fn a_stream_that_the_server_has_lost_is_made_again() {
    let Some(mut server) = Server::start() else { return };
    let bus = connected(&server).await;
    let mut consumer = bus.consume(Subject::result(Share::FIRST)).await.unwrap();
    append(&bus, "lost").await;
    server.wipe();
    append(&bus, "kept").await;
    loop {
        let delivery = next(consumer.as_mut()).await;
        let body = delivery.body.clone();
        delivery.receipt.ack();
        if body == "kept" {
            break;
        }
    }
}

#[tokio::test]
async fn a_consumer_that_was_deleted_is_made_again() {
    let Some(server) = Server::start() else { return };
    let bus = connected(&server).await;
    let mut consumer = bus.consume(Subject::result(Share::FIRST)).await.unwrap();
    append(&bus, "one").await;
    next(consumer.as_mut()).await.receipt.ack();
    let other = async_nats::connect(server.url()).await.unwrap();
    let jetstream = async_nats::jetstream::new(other);
    jetstream.delete_consumer_from_stream("sys-job-result-0", "CORTEX").await.unwrap();
    append(&bus, "two").await;
    assert_eq!(next(consumer.as_mut()).await.body, "two");
}

#[tokio::test]
async fn a_paused_server_delays_and_loses_nothing() {
    let Some(server) = Server::start() else { return };
    let bus = Arc::new(connected(&server).await);
    let mut consumer = bus.consume(Subject::result(Share::FIRST)).await.unwrap();
    server.pause();
    let appending = {
        let bus = bus.clone();
        tokio::spawn(async move { append(&bus, "late").await })
    };
    tokio::pin!(appending);
    let early = tokio::time::timeout(2 * ACK_TIMEOUT, &mut appending).await;
    assert!(early.is_err(), "a paused server confirms nothing");
    server.resume();
    appending.await.unwrap();
    assert_eq!(next(consumer.as_mut()).await.body, "late");
}

#[tokio::test]
async fn a_full_queue_is_named() {
    let Some(server) = Server::start() else { return };
    let mut options = options(&server);
    options.max_messages = 2;
    let bus = Nats::connect(options).await.unwrap();
    for _ in 0..2 {
        bus.append(Subject::submit(Share::FIRST), Bytes::from("x")).await.unwrap();
    }
    let full = bus.append(Subject::submit(Share::FIRST), Bytes::from("x")).await;
    assert_eq!(full, Err(AppendError::Full(Subject::submit(Share::FIRST))));
}

#[tokio::test]
async fn a_queue_with_too_many_bytes_is_full_and_has_room_again() {
    let Some(server) = Server::start() else { return };
    let mut options = options(&server);
    options.max_bytes = 4096;
    let bus = Nats::connect(options).await.unwrap();
    bus.append(Subject::result(Share::FIRST), Bytes::from(vec![0; 3000])).await.unwrap();
    let full = bus.append(Subject::result(Share::FIRST), Bytes::from(vec![0; 3000])).await;
    assert_eq!(full, Err(AppendError::Full(Subject::result(Share::FIRST))));
    let mut consumer = bus.consume(Subject::result(Share::FIRST)).await.unwrap();
    next(consumer.as_mut()).await.receipt.ack();
    append(&bus, "room").await;
}

#[tokio::test]
async fn an_account_without_room_is_full() {
    let configuration = "accounts { APP { jetstream: { max_file: 8K }, users: [{ user: u, password: p }] } }";
    let settings = Settings { configuration: configuration.into(), ..Settings::default() };
    let Some(server) = Server::start_with(&settings) else { return };
    let mut options = NatsOptions::new(&server.url().replace("nats://", "nats://u:p@")).unwrap();
    options.max_bytes = -1;
    let bus = Nats::connect(options).await.unwrap();
    bus.append(Subject::result(Share::FIRST), Bytes::from(vec![0; 6000])).await.unwrap();
    let full = bus.append(Subject::result(Share::FIRST), Bytes::from(vec![0; 6000])).await;
    assert_eq!(full, Err(AppendError::Full(Subject::result(Share::FIRST))));
}

/// Returns the samples of a metric without its name.
fn samples(registry: &Registry, name: &str) -> Vec<String> {
    let text = registry.text();
    let found = text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('{'));
    found.map(str::to_owned).collect()
}

#[tokio::test]
async fn the_depth_and_the_age_of_a_queue_are_measured() {
    let Some(mut server) = Server::start() else { return };
    let (bus, registry) = (connected(&server).await, Registry::default());
    bus.register(&registry);
    let depth = || samples(&registry, "cortex_bus_queue_depth");
    bus.measure().await;
    let empty = [r#"queue="sys.job.result"} 0"#, r#"queue="sys.job.submit"} 0"#];
    assert_eq!(depth(), empty);
    for _ in 0..3 {
        bus.append(Subject::result(Share::FIRST), Bytes::from("x")).await.unwrap();
    }
    bus.measure().await;
    assert_eq!(depth(), empty, "a moment ago is recent enough");
    let measured = async |expected: &[&str]| {
        let begun = Instant::now();
        while depth() != expected {
            assert!(begun.elapsed() < TIMEOUT, "{:?}", depth());
            tokio::time::sleep(Duration::from_millis(100)).await;
            bus.measure().await;
        }
    };
    measured(&[r#"queue="sys.job.result"} 3"#, r#"queue="sys.job.submit"} 0"#]).await;
    let age = || samples(&registry, "cortex_bus_queue_oldest_age_seconds");
    assert_eq!(age()[1], r#"queue="sys.job.submit"} 0"#);
    let begun = Instant::now();
    while age()[0] == r#"queue="sys.job.result"} 0"# {
        assert!(begun.elapsed() < TIMEOUT, "{:?}", age());
        tokio::time::sleep(Duration::from_millis(100)).await;
        bus.measure().await;
    }
    server.kill();
    measured(&[]).await;
}

#[tokio::test]
async fn dropped_messages_are_counted_by_their_cause() {
    let Some(mut server) = Server::start() else { return };
    let (bus, registry) = (connected(&server).await, Registry::default());
    bus.register(&registry);
    let _responder = bus.respond(Filter::only(&Subject::call(Share::FIRST))).await.unwrap();
    let mut responder = bus.respond(Filter::only(&Subject::keep(Share::FIRST))).await.unwrap();
    let other = async_nats::connect(server.url()).await.unwrap();
    let _unread = bus.subscribe(Filter::HEARTBEATS).await.unwrap();
    for _ in 0..3000 {
        other.publish("sys.heartbeat.w1.echo", Bytes::from("x")).await.unwrap();
    }
    other.publish("sys.job.keep.0", Bytes::from("no reply subject")).await.unwrap();
    other.flush().await.unwrap();
    let dropped = |cause: &str| {
        let found = samples(&registry, "cortex_bus_events_dropped_total").into_iter().find_map(|sample| {
            sample.strip_prefix(&format!("cause=\"{cause}\"}} ")).map(|count| count.parse::<u64>().unwrap())
        });
        found.unwrap()
    };
    let begun = Instant::now();
    while dropped("slow_subscriber") == 0 || dropped("foreign") == 0 {
        assert!(begun.elapsed() < TIMEOUT, "{:?}", samples(&registry, "cortex_bus_events_dropped_total"));
        let _ = tokio::time::timeout(Duration::from_millis(20), responder.next()).await;
    }
    assert_eq!((dropped("foreign"), dropped("disconnected")), (1, 0));
    server.kill();
    let begun = Instant::now();
    while dropped("disconnected") == 0 {
        assert!(begun.elapsed() < TIMEOUT);
        bus.publish(heartbeat(), Bytes::from("lost"));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn foreign_messages_reach_nothing_and_break_nothing() {
    let Some(server) = Server::start() else { return };
    let bus = connected(&server).await;
    let mut responder = bus.respond(Filter::only(&Subject::call(Share::FIRST))).await.unwrap();
    let other = async_nats::connect(server.url()).await.unwrap();
    // A request without a reply subject.
    other.publish("sys.job.call.0", Bytes::from("garbage")).await.unwrap();
    other.flush().await.unwrap();
    ping(&bus, responder.as_mut()).await;
}

#[tokio::test]
async fn a_closed_bus_ends_its_subscriptions() {
    let Some(server) = Server::start() else { return };
    let bus = connected(&server).await;
    let mut events = bus.subscribe(Filter::PROGRESS).await.unwrap();
    let mut consumer = bus.consume(Subject::result(Share::FIRST)).await.unwrap();
    bus.close().await;
    assert!(events.next().await.is_none());
    assert!(consumer.next().await.is_none());
    assert_eq!(
        bus.append(Subject::result(Share::FIRST), Bytes::new()).await,
        Err(AppendError::Bus(BusError::Closed))
    );
}

/// Returns why a server can't be used.
async fn refused(options: NatsOptions) -> NatsError {
    Nats::connect(options).await.unwrap_err()
}

#[tokio::test]
async fn a_server_that_can_not_be_used_is_named() {
    let unreachable = refused(NatsOptions::new("nats://127.0.0.1:1").unwrap()).await;
    assert!(matches!(unreachable, NatsError::Unreachable { .. }), "{unreachable}");

    let settings =
        Settings { configuration: "authorization { token: \"s3cret\" }".into(), ..Settings::default() };
    let Some(server) = Server::start_with(&settings) else { return };
    let port = server.port();
    for wrong in [format!("nats://127.0.0.1:{port}"), format!("nats://guess@127.0.0.1:{port}")] {
        let error = refused(NatsOptions::new(&wrong).unwrap()).await;
        assert!(matches!(error, NatsError::Unauthorised { .. }), "{error}");
        assert!(!error.to_string().contains("guess"));
    }
    Nats::connect(NatsOptions::new(&format!("nats://s3cret@127.0.0.1:{port}")).unwrap()).await.unwrap();
}

#[tokio::test]
async fn a_foreign_stream_is_refused_and_left_alone() {
    let Some(server) = Server::start() else { return };
    let other = async_nats::jetstream::new(async_nats::connect(server.url()).await.unwrap());
    let theirs = async_nats::jetstream::stream::Config {
        name: "CORTEX".into(),
        subjects: vec!["theirs".into()],
        ..Default::default()
    };
    other.create_stream(theirs.clone()).await.unwrap();
    let error = refused(options(&server)).await;
    assert!(matches!(error, NatsError::OtherStream { .. }), "{error}");
    let lossy = async_nats::jetstream::stream::Config {
        subjects: vec!["sys.job.submit.*".into(), "sys.job.result.*".into()],
        retention: async_nats::jetstream::stream::RetentionPolicy::WorkQueue,
        discard: async_nats::jetstream::stream::DiscardPolicy::Old,
        name: "CORTEX".into(),
        ..Default::default()
    };
    other.delete_stream("CORTEX").await.unwrap();
    other.create_stream(lossy).await.unwrap();
    let error = refused(options(&server)).await;
    assert!(matches!(error, NatsError::OtherStream { .. }), "{error}");
    other.delete_stream("CORTEX").await.unwrap();
    other.create_stream(theirs).await.unwrap();
    assert!(matches!(refused(options(&server)).await, NatsError::OtherStream { .. }));
    assert_eq!(other.get_stream("CORTEX").await.unwrap().cached_info().config.subjects, ["theirs"]);
}

#[tokio::test]
async fn an_account_with_the_right_reads_how_the_server_flushes() {
    let Some(server) = Server::start() else { return };
    assert_eq!(*connected(&server).await.flush(), NatsFlush::Unknown, "an ordinary account");
    for (sync_always, expected) in [(true, NatsFlush::Always), (false, NatsFlush::Sometimes)] {
        let configuration = "
            accounts {
                SYS { users: [{ user: s, password: p }], exports: [{ service: \"$SYS.REQ.SERVER.PING.JSZ\" }] }
                APP {
                    jetstream: enabled
                    users: [{ user: u, password: p }]
                    imports: [{ service: { account: SYS, subject: \"$SYS.REQ.SERVER.PING.JSZ\" } }]
                }
            }
            system_account: SYS";
        let settings = Settings { sync_always, configuration: configuration.into() };
        let Some(server) = Server::start_with(&settings) else { return };
        let options = NatsOptions::new(&format!("nats://u:p@127.0.0.1:{}", server.port())).unwrap();
        assert_eq!(*Nats::connect(options).await.unwrap().flush(), expected);
    }
}
