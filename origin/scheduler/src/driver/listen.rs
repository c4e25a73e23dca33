//! What is said on the bus, as inputs of the core.

use std::sync::Arc;

use cortex_domain::event::Event;
use cortex_domain::placement::Candidate;
use cortex_domain::ports::{BusError, Delivery};
use cortex_domain::subject::{Filter, Subject};
use cortex_domain::task::Said;
use cortex_domain::time::Uptime;
use cortex_domain::worker::Heartbeat;
use cortex_wire::DecodeError;
use cortex_wire::{
    decode_call, decode_cancel, decode_heartbeat, decode_outcome, decode_progress, decode_submit,
};
use tokio::sync::Semaphore;

use super::{Caller, Driver};
use crate::core::Input;

/// Messages of one subject that are worked on at once.
const MAX_UNDER_WAY: usize = 256;
/// Schedulers share the work of a subject.
const GROUP: &str = "scheduler";

/// What a message says; none, where it doesn't concern the scheduler.
type Read = fn(Delivery) -> Result<Option<Input<Caller>>, DecodeError>;

pub(super) async fn all(driver: &Arc<Driver>) -> Result<(), BusError> {
    let subjects: [(Filter, Read); 8] = [
        (Filter::only(&Subject::JOB_SUBMIT), submitted),
        (Filter::only(&Subject::JOB_CALL), called),
        (Filter::only(&Subject::JOB_KEEP), detached),
        (Filter::only(&Subject::JOB_HANGUP), hung_up),
        (Filter::only(&Subject::JOB_RESULT), ended),
        (Filter::only(&Subject::JOB_CANCEL), cancelled),
        (Filter::only(&Subject::HEARTBEAT), beat),
        (Filter::PROGRESS, started),
    ];
    for (filter, read) in subjects {
        listen(driver, filter, read).await?;
    }
    Ok(())
}

async fn listen(driver: &Arc<Driver>, filter: Filter, read: Read) -> Result<(), BusError> {
    let mut subscription = driver.bus.subscribe(filter, Some(GROUP)).await?;
    let driver = driver.clone();
    driver.tasks.clone().spawn(async move {
        let room = Arc::new(Semaphore::new(MAX_UNDER_WAY));
        loop {
            let delivery = tokio::select! {
                biased;
                () = driver.stop.cancelled() => return,
                delivery = async {
                    // Waits until there is room; the permit itself is taken by what has to wait.
                    drop(room.acquire().await);
                    subscription.next().await
                } => delivery,
            };
            let Some(delivery) = delivery else { return };
            let subject = delivery.subject.clone();
            match read(delivery) {
                Ok(Some(input)) => driver.handle(input, &room),
                Ok(None) => {}
                Err(error) => tracing::warn!(%subject, %error, "a packet could not be read"),
            }
        }
    });
    Ok(())
}

fn submitted(delivery: Delivery) -> Result<Option<Input<Caller>>, DecodeError> {
    Ok(Some(Input::Submitted { job: decode_submit(&delivery.body)? }))
}

fn called(delivery: Delivery) -> Result<Option<Input<Caller>>, DecodeError> {
    let request = Box::new(decode_call(&delivery.body)?);
    Ok(delivery.reply.map(|reply| Input::Called { request, reply }))
}

fn detached(delivery: Delivery) -> Result<Option<Input<Caller>>, DecodeError> {
    Ok(Some(Input::Detached { job: decode_submit(&delivery.body)? }))
}

fn hung_up(delivery: Delivery) -> Result<Option<Input<Caller>>, DecodeError> {
    Ok(Some(Input::HungUp { job: decode_submit(&delivery.body)? }))
}

fn ended(delivery: Delivery) -> Result<Option<Input<Caller>>, DecodeError> {
    let outcome = decode_outcome(&delivery.body)?;
    let (job, worker) = (outcome.job, outcome.worker.clone());
    Ok(Some(Input::Reported { job, event: outcome.event(), worker }))
}

/// A worker has begun a job. Pieces of its answer are for others.
fn started(delivery: Delivery) -> Result<Option<Input<Caller>>, DecodeError> {
    let progress = decode_progress(&delivery.body)?;
    let (job, lease, worker) = (progress.job, progress.lease, progress.worker);
    let begins = progress.what == Said::Started;
    let event = Event::Started { lease, worker: worker.clone() };
    Ok(begins.then_some(Input::Reported { job, event, worker }))
}

/// A job was taken from its worker, perhaps by someone else than this scheduler.
fn cancelled(delivery: Delivery) -> Result<Option<Input<Caller>>, DecodeError> {
    Ok(Some(Input::Changed { job: decode_cancel(&delivery.body)?.job }))
}

fn beat(delivery: Delivery) -> Result<Option<Input<Caller>>, DecodeError> {
    let Heartbeat { worker, pool, topics, capacity, draining, models, held, .. } =
        decode_heartbeat(&delivery.body)?;
    let held = held.iter().map(|held| held.lease).collect();
    // The core fills in what it knows itself: the jobs in flight, and the time.
    let (in_flight, last_seen) = (0, Uptime::default());
    let worker = Candidate { worker, pool, topics, capacity, in_flight, draining, models, last_seen };
    Ok(Some(Input::Beat { worker: Box::new(worker), held }))
}
