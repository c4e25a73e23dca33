//! Turns messages of the bus into inputs of the core.

use std::fmt::Debug;
use std::sync::Arc;

use bytes::Bytes;
use cortex_domain::placement::Candidate;
use cortex_domain::ports::{BusError, Delivery, Event, Request, Subscription};
use cortex_domain::subject::{Filter, Queued, Requested, Subject};
use cortex_domain::time::Uptime;
use cortex_domain::worker::Heartbeat;
use cortex_wire::DecodeError;
use cortex_wire::{decode_call, decode_outcome, decode_submit, receive_heartbeat};
use tokio::sync::Semaphore;

use super::pending::Pending;
use super::{Caller, Chain, Driver};
use crate::core::Input;

/// Maximum number of messages of one subject in progress.
const MAX_IN_PROGRESS: usize = 256;

/// Decodes a message.
type Decode = fn(&[u8]) -> Result<Input<Caller>, DecodeError>;

pub(super) async fn start(driver: &Arc<Driver>) -> Result<(), BusError> {
    calls(driver).await?;
    respond(driver, &Subject::JOB_KEEP, |body| Ok(Input::Detached { job: decode_submit(body)? })).await?;
    respond(driver, &Subject::JOB_HANGUP, |body| Ok(Input::Abandoned { job: decode_submit(body)? })).await?;
    consume(driver, Subject::JOB_SUBMIT, |body| Ok(Input::Submitted { job: decode_submit(body)? })).await?;
    consume(driver, Subject::JOB_RESULT, read_outcome).await?;
    heartbeats(driver).await
}

/// Starts to accept calls. Each is answered when it ends.
async fn calls(driver: &Arc<Driver>) -> Result<(), BusError> {
    let requests = driver.bus.respond(Filter::only(&Subject::JOB_CALL)).await?;
    listen(driver, Subject::JOB_CALL.family(), requests, |driver, Request { body, reply, .. }, permits| {
        let request = Box::new(decode_call(&body)?);
        driver.handle(Input::Called { request, reply }, permits);
        Ok(())
    });
    Ok(())
}

/// Answers requests whose reply only says that they were received.
async fn respond(driver: &Arc<Driver>, subject: &Subject<Requested>, decode: Decode) -> Result<(), BusError> {
    let requests = driver.bus.respond(Filter::only(subject)).await?;
    listen(driver, subject.family(), requests, move |driver, Request { body, reply, .. }, permits| {
        driver.handle(decode(&body)?, permits);
        reply.send(Bytes::new());
        Ok(())
    });
    Ok(())
}

/// Consumes messages that stay queued until the store has their results. A message that can't be
/// decoded is dropped, because it never will be.
async fn consume(driver: &Arc<Driver>, subject: Subject<Queued>, decode: Decode) -> Result<(), BusError> {
    let family = subject.family();
    let deliveries = driver.bus.consume(subject).await?;
    listen(driver, family, deliveries, move |driver, Delivery { body, receipt }, permits| {
        let pending = Pending::new(receipt);
        driver.follow(decode(&body)?, permits, Chain { permit: None, pending: Some(pending) });
        Ok(())
    });
    Ok(())
}

async fn heartbeats(driver: &Arc<Driver>) -> Result<(), BusError> {
    let events = driver.bus.subscribe(Filter::HEARTBEATS).await?;
    listen(driver, Filter::HEARTBEATS.family(), events, |driver, event: Event, permits| {
        driver.handle(read_heartbeat(&event)?, permits);
        Ok(())
    });
    Ok(())
}

/// Acts on each message of a family, as long as permits are free for what it starts.
fn listen<T: Debug + 'static>(
    driver: &Arc<Driver>,
    family: &'static str,
    mut subscription: Box<dyn Subscription<T>>,
    act: impl Fn(&Arc<Driver>, T, &Arc<Semaphore>) -> Result<(), DecodeError> + Send + 'static,
) {
    let driver = driver.clone();
    driver.tasks.clone().spawn(async move {
        let permits = Arc::new(Semaphore::new(MAX_IN_PROGRESS));
        loop {
            let message = tokio::select! {
                biased;
                () = driver.stop.cancelled() => return,
                message = async {
                    // Waits until a permit is free. An action that has to wait takes the permit
                    // itself.
                    drop(permits.acquire().await);
                    subscription.next().await
                } => message,
            };
            let Some(message) = message else { return };
            if let Err(error) = act(&driver, message, &permits) {
                driver.bus.reject(family, error.rejection(), &error);
            }
        }
    });
}

fn read_outcome(body: &[u8]) -> Result<Input<Caller>, DecodeError> {
    let outcome = decode_outcome(body)?;
    let (job, worker) = (outcome.job, outcome.worker.clone());
    Ok(Input::Reported { job, event: outcome.event(), worker })
}

fn read_heartbeat(event: &Event) -> Result<Input<Caller>, DecodeError> {
    let Heartbeat { worker, pool, topics, capacity, draining, models, held, .. } = receive_heartbeat(event)?;
    // The core knows the jobs in flight and the time, and fills them in.
    let (in_flight, last_seen) = (0, Uptime::default());
    let worker = Candidate { worker, pool, topics, capacity, in_flight, draining, models, last_seen };
    Ok(Input::Heartbeat { worker: Box::new(worker), held })
}
