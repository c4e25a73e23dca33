use cortex_domain::id::JobId;
use cortex_domain::ports::{Bus, BusError};
use cortex_domain::subject::{Filter, Subject};
use cortex_domain::time::Timestamp;

use super::*;
use crate::contract::contract;

contract!(Embedded::default());

fn narrow() -> Embedded {
    Embedded::new(Room { messages: 1, ..Room::default() })
}

#[tokio::test]
async fn publishing_to_nobody_says_so() {
    let bus = Embedded::default();
    let published = bus.publish(Subject::JOB_SUBMIT, Bytes::new()).await;
    assert_eq!(published, Err(BusError::NoListener(Subject::JOB_SUBMIT)));
}

#[tokio::test(start_paused = true)]
async fn a_full_listener_is_waited_for_and_then_given_up() {
    let bus = narrow();
    let mut listener = bus.subscribe(Filter::only(&Subject::JOB_RESULT), None).await.unwrap();
    bus.publish(Subject::JOB_RESULT, Bytes::from("1")).await.unwrap();
    let refused = bus.publish(Subject::JOB_RESULT, Bytes::from("2")).await;
    assert_eq!(refused, Err(BusError::Overloaded(Subject::JOB_RESULT)));

    let (published, first) =
        tokio::join!(bus.publish(Subject::JOB_RESULT, Bytes::from("3")), listener.next());
    assert_eq!(published, Ok(()));
    assert_eq!(first.unwrap().body, "1");
    assert_eq!(listener.next().await.unwrap().body, "3");
}

#[tokio::test]
async fn a_heartbeat_or_progress_never_waits_for_a_full_listener() {
    let bus = Embedded::new(Room { messages: 1, patience: Duration::MAX });
    let job = JobId::mint(Timestamp::from_millis(1), [1; 10]);
    for subject in [Subject::HEARTBEAT, Subject::progress(job)] {
        let _unread = bus.subscribe(Filter::only(&subject), None).await.unwrap();
        let _group = bus.subscribe(Filter::only(&subject), Some("g")).await.unwrap();
        let _all = bus.subscribe(Filter::PROGRESS, Some("h")).await.unwrap();
        for _ in 0..3 {
            bus.publish(subject.clone(), Bytes::new()).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_full_listener_of_progress_takes_nothing_from_the_others() {
    let bus = narrow();
    let subject = Subject::progress(JobId::mint(Timestamp::from_millis(1), [1; 10]));
    let mut unread = bus.subscribe(Filter::only(&subject), None).await.unwrap();
    let mut other = bus.subscribe(Filter::only(&subject), None).await.unwrap();
    for text in ["1", "2", "3"] {
        bus.publish(subject.clone(), Bytes::from(text)).await.unwrap();
        assert_eq!(other.next().await.unwrap().body, text);
    }
    assert_eq!(unread.next().await.unwrap().body, "1");
    bus.publish(subject, Bytes::from("4")).await.unwrap();
    assert_eq!(unread.next().await.unwrap().body, "4");
}

#[tokio::test]
async fn a_full_member_of_a_group_is_passed_over() {
    let bus = Embedded::new(Room { messages: 2, patience: Duration::ZERO });
    let mut one = bus.subscribe(Filter::only(&Subject::JOB_SUBMIT), Some("g")).await.unwrap();
    let _two = bus.subscribe(Filter::only(&Subject::JOB_SUBMIT), Some("g")).await.unwrap();
    for _ in 0..4 {
        bus.publish(Subject::JOB_SUBMIT, Bytes::new()).await.unwrap();
    }
    for _ in 0..2 {
        one.next().await.unwrap();
        bus.publish(Subject::JOB_SUBMIT, Bytes::new()).await.unwrap();
    }
}

#[tokio::test]
async fn a_closed_bus_lets_listeners_read_to_the_end() {
    let bus = Embedded::default();
    let mut listener = bus.subscribe(Filter::only(&Subject::JOB_RESULT), None).await.unwrap();
    bus.publish(Subject::JOB_RESULT, Bytes::from("last")).await.unwrap();
    bus.close();
    assert_eq!(bus.publish(Subject::JOB_RESULT, Bytes::new()).await, Err(BusError::Closed));
    assert_eq!(bus.subscribe(Filter::PROGRESS, None).await.unwrap_err(), BusError::Closed);
    assert_eq!(listener.next().await.unwrap().body, "last");
    assert!(listener.next().await.is_none());
}
