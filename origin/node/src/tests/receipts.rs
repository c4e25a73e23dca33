//! When the scheduler acknowledges a queued message.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use cortex_bus::Embedded;
use cortex_domain::flow::End;
use cortex_domain::id::JobId;
use cortex_domain::ports::{
    Answer, AppendError, Bus, BusError, Delivery, Event, Receipt, Rejection, Request, RequestError,
    Subscription,
};
use cortex_domain::state::StateName;
use cortex_domain::subject::{Filter, Published, Queued, Requested, Subject};
use cortex_scheduler::{Parts, Scheduler};
use tokio::sync::Notify;

use super::scheduler_fixture::SchedulerFixture;

const TIMEOUT: Duration = Duration::from_secs(5);

/// The jobs with an acknowledged report.
#[derive(Debug, Default)]
struct Acknowledged {
    jobs: Mutex<Vec<JobId>>,
    more: Notify,
}

impl Acknowledged {
    async fn another(&self) {
        tokio::time::timeout(TIMEOUT, self.more.notified()).await.expect("a report is acknowledged in time");
    }
}

/// A bus that records acknowledgements.
struct Watched {
    bus: Embedded,
    acknowledged: Arc<Acknowledged>,
}

impl Bus for Watched {
    fn request(
        &self,
        subject: Subject<Requested>,
        body: Bytes,
        within: Duration,
    ) -> Answer<'_, Result<Bytes, RequestError>> {
        self.bus.request(subject, body, within)
    }

    fn respond(
        &self,
        filter: Filter<Requested>,
    ) -> Answer<'_, Result<Box<dyn Subscription<Request>>, BusError>> {
        self.bus.respond(filter)
    }

    fn publish(&self, subject: Subject<Published>, body: Bytes) {
        self.bus.publish(subject, body);
    }

    fn subscribe(
        &self,
        filter: Filter<Published>,
    ) -> Answer<'_, Result<Box<dyn Subscription<Event>>, BusError>> {
        self.bus.subscribe(filter)
    }

    fn take_queue(&self, subject: Subject<Queued>) -> Answer<'_, Result<(), BusError>> {
        self.bus.take_queue(subject)
    }

    fn reject(&self, family: &'static str, rejection: Rejection, cause: &dyn std::fmt::Display) {
        self.bus.reject(family, rejection, cause);
    }

    fn append(&self, subject: Subject<Queued>, body: Bytes) -> Answer<'_, Result<(), AppendError>> {
        self.bus.append(subject, body)
    }

    fn consume(
        &self,
        subject: Subject<Queued>,
    ) -> Answer<'_, Result<Box<dyn Subscription<Delivery>>, BusError>> {
        let watched = subject.as_str().starts_with("sys.job.result.");
        Box::pin(async move {
            let consumer = self.bus.consume(subject).await?;
            let acknowledged = self.acknowledged.clone();
            let consumer: Box<dyn Subscription<Delivery>> = match watched {
                true => Box::new(Consumer { consumer, acknowledged }),
                false => consumer,
            };
            Ok(consumer)
        })
    }
}

#[derive(Debug)]
struct Consumer {
    consumer: Box<dyn Subscription<Delivery>>,
    acknowledged: Arc<Acknowledged>,
}

impl Subscription<Delivery> for Consumer {
    fn next(&mut self) -> Answer<'_, Option<Delivery>> {
        Box::pin(async {
            let Delivery { body, receipt } = self.consumer.next().await?;
            let job = cortex_wire::decode_outcome(&body).unwrap().job;
            let receipt = Box::new(WatchedReceipt { job, receipt, acknowledged: self.acknowledged.clone() });
            Some(Delivery { body, receipt })
        })
    }
}

#[derive(Debug)]
struct WatchedReceipt {
    job: JobId,
    receipt: Box<dyn Receipt>,
    acknowledged: Arc<Acknowledged>,
}

impl Receipt for WatchedReceipt {
    fn ack(self: Box<Self>) {
        self.receipt.ack();
        self.acknowledged.jobs.lock().unwrap().push(self.job);
        self.acknowledged.more.notify_one();
    }

    fn nak(self: Box<Self>, pause: Duration) {
        self.receipt.nak(pause);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_is_acknowledged_after_its_effect_is_stored() {
    let mut fixture = SchedulerFixture::new().await;
    let acknowledged = Arc::new(Acknowledged::default());
    let bus = Arc::new(Watched { bus: fixture.bus.clone(), acknowledged: acknowledged.clone() });
    let scheduler = Scheduler::start(Parts { bus, ..fixture.parts() }).await.unwrap();
    fixture.beat(&[]).await;
    let id = fixture.submit(fixture.request()).await;
    let task = fixture.task().await;
    fixture.begin(&task).await;
    fixture.store.ends.arm();
    fixture.succeed(id, task.lease).await;
    fixture.store.ends.reached().await;
    // The store has no such job, so the scheduler drops the report at once.
    let unknown = fixture.request().id;
    fixture.end(unknown, task.lease, End::Returned).await;
    acknowledged.another().await;
    assert_eq!(*acknowledged.jobs.lock().unwrap(), [unknown]);
    fixture.store.ends.resume();
    acknowledged.another().await;
    assert_eq!(*acknowledged.jobs.lock().unwrap(), [unknown, id]);
    fixture.until(id, StateName::Succeeded).await;
    scheduler.stop().await;
}
