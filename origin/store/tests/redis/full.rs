//! What happens when the server or the store's own queue is full.

use cortex_domain::flow::Submission;
use cortex_domain::id::JobId;
use cortex_domain::pointer::{Memory, Pointer};
use cortex_domain::ports::{Acceptance, Jobs, Outbox, Payloads, Sequence, StoreError, Upkeep};
use cortex_domain::time::Timestamp;
use cortex_test_servers::RedisKind;

use crate::contract::fixtures::{NOW, accepted, cancelled, submission_of};
use crate::place::Place;

on_each_server! {
    a_server_without_memory_accepts_a_submission_whole_or_not_at_all
    a_write_beyond_the_queue_is_refused_at_once
    a_pointer_into_another_memory_is_refused
    a_draft_that_is_no_string_is_missing
}

async fn a_server_without_memory_accepts_a_submission_whole_or_not_at_all(kind: RedisKind) {
    let place = installed!(Place::start(kind));
    let store = place.store();
    let ended = accepted(&store, "acme", 0).await;
    store.commit(cancelled(&ended)).await.unwrap();
    let info: String = place.ask("INFO memory");
    let used: u64 = info.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap().parse().unwrap();
    place.ask::<()>(&format!("CONFIG SET maxmemory {}", used + 400_000));
    let large = |n| Submission { input: vec![b'x'; 20_000], ..submission_of("acme", n) };
    let mut jobs = vec![ended];
    let refused = loop {
        match store.accept(large(u16::try_from(jobs.len()).unwrap())).await {
            Ok(Acceptance::New(job)) => jobs.push(job),
            Ok(other) => panic!("{other:?}"),
            Err(error) => break error,
        }
        assert!(jobs.len() < 200);
    };
    assert!(
        matches!(&refused, StoreError::Broken(cause) if cause.to_lowercase().contains("oom")),
        "{refused}"
    );
    let count = |pattern: &str| place.ask::<Vec<String>>(&format!("KEYS {pattern}")).len();
    for pattern in ["job:*", "ctx:*", "log:*"] {
        assert_eq!(count(pattern), jobs.len(), "{pattern}");
    }
    assert_eq!(store.outbox(Sequence(0), 1000).await.unwrap().len(), jobs.len());
    assert_eq!(place.ask::<usize>("ZCARD tenant:acme:jobs"), jobs.len());
    assert_eq!(place.ask::<usize>("HGET usage:acme jobs"), jobs.len());

    // What is deleted makes room again.
    let late = Timestamp::from_millis(NOW.as_millis() * 2);
    assert_eq!(store.forget(late).await.unwrap(), 1);
    place.ask::<()>("CONFIG SET maxmemory 0");
    assert!(matches!(store.accept(large(500)).await, Ok(Acceptance::New(_))));
}

async fn a_write_beyond_the_queue_is_refused_at_once(kind: RedisKind) {
    let place = installed!(Place::start(kind));
    let store = place.store();
    let context = Pointer::context(Memory::Redis, JobId::mint(Timestamp::from_millis(1), [1; 10]));
    let refused = store.put(context, vec![0; 65 << 20].into()).await;
    assert!(matches!(refused, Err(StoreError::Overloaded)), "{refused:?}");
    store.put(context, "little".into()).await.unwrap();
    place.0.pause();
    let waiting = futures::stream::FuturesUnordered::new();
    let mut overloaded = 0;
    for n in 0..5000 {
        let mut call = store.accept(submission_of("acme", n));
        match futures::poll!(&mut call) {
            std::task::Poll::Pending => waiting.push(call),
            std::task::Poll::Ready(outcome) => {
                assert!(matches!(outcome, Err(StoreError::Overloaded)), "{outcome:?}");
                overloaded += 1;
            }
        }
    }
    assert_eq!((waiting.len(), overloaded), (4096, 904));
    place.0.resume();
    drop(waiting);
    accepted(&store, "acme", 6000).await;
}

async fn a_pointer_into_another_memory_is_refused(kind: RedisKind) {
    let place = installed!(Place::start(kind));
    let store = place.store();
    let elsewhere = Pointer::context(Memory::Local, JobId::mint(Timestamp::from_millis(1), [1; 10]));
    store.get(elsewhere).await.unwrap_err();
    store.put(elsewhere, "x".into()).await.unwrap_err();
}

async fn a_draft_that_is_no_string_is_missing(kind: RedisKind) {
    use crate::contract::fixtures::running;
    use cortex_domain::ports::CommitError;
    let place = installed!(Place::start(kind));
    let store = place.store();
    let (job, end) = running(&store, 1).await;
    let dispatch = job.state.lease().unwrap().dispatch;
    place.ask::<()>(&format!("RPUSH res:{}:{dispatch} wrong", job.id()));
    assert!(matches!(store.commit(end).await, Err(CommitError::NoDraft)));
    assert_eq!(store.job(job.id()).await.unwrap(), Some(job));
}
