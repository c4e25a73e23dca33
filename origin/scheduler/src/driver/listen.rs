//! Turns messages of the bus into inputs of the core.

use std::fmt::Debug;
use std::sync::Arc;

use bytes::Bytes;
use cortex_domain::placement::Candidate;
use cortex_domain::ports::{BusError, Delivery, Event, Request, Subscription};
use cortex_domain::share::Share;
use cortex_domain::subject::{Filter, Queued, Requested, Subject};
use cortex_domain::time::Uptime;
use cortex_domain::worker::Heartbeat;
use cortex_wire::DecodeError;
use cortex_wire::{decode_call, decode_outcome, decode_submit, receive_heartbeat};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::pending::Pending;
use super::{Caller, Chain, Driver};
use crate::core::Input;

/// Maximum number of messages of one kind in progress.
const MAX_IN_PROGRESS: usize = 256;

/// Decodes a message.
type Decode = fn(&[u8]) -> Result<Input<Caller>, DecodeError>;

/// The room for messages in progress, by what they are.
pub(super) struct Permits {
    calls: Arc<Semaphore>,
    notices: Arc<Semaphore>,
    submitted: Arc<Semaphore>,
    results: Arc<Semaphore>,
    heartbeats: Arc<Semaphore>,
    pub(super) owned: Arc<Semaphore>,
}

impl Default for Permits {
    fn default() -> Self {
        let room = || Arc::new(Semaphore::new(MAX_IN_PROGRESS));
        Self {
            calls: room(),
            notices: room(),
            submitted: room(),
            results: room(),
            heartbeats: room(),
            owned: room(),
        }
    }
}

/// Listens for what concerns the jobs of a share, until `stop` is cancelled.
pub(super) async fn share(
    driver: &Arc<Driver>,
    share: Share,
    stop: &CancellationToken,
) -> Result<(), BusError> {
    let submitted = |body: &[u8]| Ok(Input::Submitted { job: decode_submit(body)? });
    let detached = |body: &[u8]| Ok(Input::Detached { job: decode_submit(body)? });
    let abandoned = |body: &[u8]| Ok(Input::Abandoned { job: decode_submit(body)? });
    let of = &driver.permits;
    notices(driver, (share, Subject::keep(share)), &of.notices, stop, detached).await?;
    notices(driver, (share, Subject::hangup(share)), &of.notices, stop, abandoned).await?;
    consume(driver, (share, Subject::submit(share)), &of.submitted, stop, submitted).await?;
    consume(driver, (share, Subject::result(share)), &of.results, stop, read_outcome).await?;
    pulses(driver, share, stop).await?;
    calls(driver, share, stop).await
}

/// Answers whether a call is open.
async fn pulses(driver: &Arc<Driver>, share: Share, stop: &CancellationToken) -> Result<(), BusError> {
    let requests = driver.bus.respond_beside_others(Filter::only(&Subject::pulse(share))).await?;
    let at = Place { family: Subject::pulse(share).family(), permits: &driver.permits.notices, stop };
    listen(driver, at, requests, move |driver, request, _| {
        let Request { body, reply, .. } = request;
        if !driver.owns(share) {
            return Ok(());
        }
        let is_open = driver.state().has_call(decode_submit(&body)?);
        reply.send(if is_open { body } else { Bytes::new() });
        Ok(())
    });
    Ok(())
}

/// Starts to accept calls. Each is answered when it ends. A scheduler that has lost the share without
/// knowing it yet does not answer, because the new one does.
async fn calls(driver: &Arc<Driver>, share: Share, stop: &CancellationToken) -> Result<(), BusError> {
    let requests = driver.bus.respond_beside_others(Filter::only(&Subject::call(share))).await?;
    let at = Place { family: Subject::call(share).family(), permits: &driver.permits.calls, stop };
    listen(driver, at, requests, move |driver, Request { body, reply, .. }, permits| {
        if !driver.owns(share) {
            return Ok(());
        }
        let request = Box::new(decode_call(&body)?);
        driver.handle(Input::Called { request, reply }, permits);
        Ok(())
    });
    Ok(())
}

/// Answers requests whose reply only says that they were received.
async fn notices(
    driver: &Arc<Driver>,
    (share, subject): (Share, Subject<Requested>),
    permits: &Arc<Semaphore>,
    stop: &CancellationToken,
    decode: Decode,
) -> Result<(), BusError> {
    let requests = driver.bus.respond_beside_others(Filter::only(&subject)).await?;
    let at = Place { family: subject.family(), permits, stop };
    listen(driver, at, requests, move |driver, Request { body, reply, .. }, permits| {
        if !driver.owns(share) {
            return Ok(());
        }
        driver.handle(decode(&body)?, permits);
        reply.send(Bytes::new());
        Ok(())
    });
    Ok(())
}

/// Consumes messages that stay queued until the store has their results. A message that can't be
/// decoded is dropped, because it never will be. The last owner of the share may be paused with
/// messages that it took.
async fn consume(
    driver: &Arc<Driver>,
    (share, subject): (Share, Subject<Queued>),
    permits: &Arc<Semaphore>,
    stop: &CancellationToken,
    decode: Decode,
) -> Result<(), BusError> {
    driver.bus.take_queue(subject.clone()).await?;
    let at = Place { family: subject.family(), permits, stop };
    let deliveries = driver.bus.consume(subject).await?;
    listen(driver, at, deliveries, move |driver, Delivery { body, receipt }, permits| {
        let pending = Pending::new(receipt);
        if !driver.owns(share) {
            pending.fail();
            return Ok(());
        }
        driver.follow(decode(&body)?, permits, Chain { permit: None, pending: Some(pending) });
        Ok(())
    });
    Ok(())
}

/// Listens for the heartbeats of workers.
pub(super) async fn heartbeats(driver: &Arc<Driver>) -> Result<(), BusError> {
    let events = driver.bus.subscribe(Filter::HEARTBEATS).await?;
    let permits = &driver.permits.heartbeats;
    let at = Place { family: Filter::HEARTBEATS.family(), permits, stop: &driver.stop };
    listen(driver, at, events, |driver, event: Event, permits| {
        driver.handle(read_heartbeat(&event)?, permits);
        Ok(())
    });
    Ok(())
}

/// What messages of a family share while they are listened for.
struct Place<'a> {
    family: &'static str,
    permits: &'a Arc<Semaphore>,
    stop: &'a CancellationToken,
}

/// Acts on each message of a family, as long as permits are free for what it starts.
fn listen<T: Debug + 'static>(
    driver: &Arc<Driver>,
    at: Place<'_>,
    mut subscription: Box<dyn Subscription<T>>,
    act: impl Fn(&Arc<Driver>, T, &Arc<Semaphore>) -> Result<(), DecodeError> + Send + 'static,
) {
    let Place { family, permits, stop } = at;
    let (driver, permits, stop) = (driver.clone(), permits.clone(), stop.clone());
    driver.tasks.clone().spawn(async move {
        loop {
            let message = tokio::select! {
                biased;
                () = stop.cancelled() => return,
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
