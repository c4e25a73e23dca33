//! The bus within one process. Its messages are lost when the process ends.

mod listeners;
mod queue;
mod queues;

use std::fmt;
use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use cortex_domain::ports::{
    Answer, AppendError, Bus, BusError, Delivery, Event, Rejection, Reply, Request, RequestError,
    Subscription,
};
use cortex_domain::subject::{Filter, Published, Queued, Requested, Subject};
use cortex_platform::metrics::Registry;
use futures::future::select_ok;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::oneshot;

use crate::metrics::Metrics;

use listeners::{Inbox, Listeners};
use queues::Queues;

/// The limits of the bus.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Maximum number of requests or events that wait for one listener.
    pub waiting: usize,
    /// Maximum number of messages in one queue.
    pub queued: usize,
    /// Maximum size of one queue's messages, in bytes.
    pub queued_bytes: usize,
    /// How long a consumer may take to acknowledge a delivery before the message is redelivered.
    pub ack_timeout: Duration,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            waiting: 1024,
            queued: 65_536,
            queued_bytes: 64 * 1024 * 1024,
            ack_timeout: Duration::from_secs(30),
        }
    }
}

/// The bus within one process. Clones share the same bus.
#[derive(Clone, Default)]
pub struct Embedded(Arc<Shared>);

#[derive(Default)]
struct Shared {
    room: Room,
    responders: Arc<Listeners<Requested, Request>>,
    listeners: Arc<Listeners<Published, Event>>,
    queues: Queues,
    turn: AtomicUsize,
    metrics: Metrics,
}

impl Embedded {
    #[must_use]
    pub fn new(room: Room) -> Self {
        Self(Arc::new(Shared { room, ..Shared::default() }))
    }

    /// Closes the bus. A subscription ends once it has returned the messages that it already holds.
    pub fn close(&self) {
        self.0.responders.close();
        self.0.listeners.close();
        self.0.queues.close();
    }

    /// Adds the bus' metrics to those of the process.
    pub fn register(&self, registry: &Registry) {
        let shared = Arc::downgrade(&self.0);
        let depths = move || shared.upgrade().map(|shared| shared.queues.depths()).unwrap_or_default();
        self.0.metrics.register_with_depths(registry, depths);
    }

    async fn ask(&self, subject: Subject<Requested>, body: Bytes) -> Result<Bytes, RequestError> {
        let (asker, answer) = oneshot::channel();
        let request = Request { subject: subject.clone(), body, reply: Box::new(Asker(asker)) };
        if let OfferResult::Full(inboxes, request) = self.offer(request)? {
            let rooms = inboxes.into_iter().map(|inbox| Box::pin(inbox.reserve_owned()));
            let (room, _) = select_ok(rooms).await.map_err(|_| RequestError::NoResponder(subject.clone()))?;
            room.send(request);
        }
        answer.await.map_err(|_| RequestError::Unanswered(subject))
    }

    /// Offers a request to a responder with room. Responders take turns.
    fn offer(&self, mut request: Request) -> Result<OfferResult, RequestError> {
        let responders = self.0.responders.of(&request.subject)?;
        let first = self.0.turn.fetch_add(1, Ordering::Relaxed) % responders.len().max(1);
        let mut full = Vec::new();
        for inbox in responders[first..].iter().chain(&responders[..first]) {
            match inbox.try_send(request) {
                Ok(()) => return Ok(OfferResult::Taken),
                Err(TrySendError::Full(back)) => {
                    full.push(inbox.clone());
                    request = back;
                }
                Err(TrySendError::Closed(back)) => request = back,
            }
        }
        if full.is_empty() {
            return Err(RequestError::NoResponder(request.subject));
        }
        Ok(OfferResult::Full(full, request))
    }
}

/// The result of offering a request.
enum OfferResult {
    Taken,
    /// No responder has room.
    Full(Vec<Inbox<Request>>, Request),
}

impl Bus for Embedded {
    fn request(
        &self,
        subject: Subject<Requested>,
        body: Bytes,
        within: Duration,
    ) -> Answer<'_, Result<Bytes, RequestError>> {
        self.0.metrics.requests.inc();
        let late = subject.clone();
        let asking = tokio::time::timeout(within, self.ask(subject, body));
        Box::pin(async move { asking.await.unwrap_or(Err(RequestError::Unanswered(late))) })
    }

    fn respond(
        &self,
        filter: Filter<Requested>,
    ) -> Answer<'_, Result<Box<dyn Subscription<Request>>, BusError>> {
        Box::pin(ready(self.0.responders.enter(filter, self.0.room.waiting)))
    }

    fn publish(&self, subject: Subject<Published>, body: Bytes) {
        let event = Event { subject, body };
        self.0.metrics.events.inc();
        self.0
            .metrics
            .dropped
            .slow_subscriber
            .inc_by(self.0.listeners.tell(&event.subject, || event.clone()));
    }

    fn subscribe(
        &self,
        filter: Filter<Published>,
    ) -> Answer<'_, Result<Box<dyn Subscription<Event>>, BusError>> {
        Box::pin(ready(self.0.listeners.enter(filter, self.0.room.waiting)))
    }

    fn append(&self, subject: Subject<Queued>, body: Bytes) -> Answer<'_, Result<(), AppendError>> {
        self.0.metrics.queued.inc();
        Box::pin(ready(self.0.queues.append(subject, body, self.0.room)))
    }

    fn consume(
        &self,
        subject: Subject<Queued>,
    ) -> Answer<'_, Result<Box<dyn Subscription<Delivery>>, BusError>> {
        Box::pin(ready(self.0.queues.consume(&subject, self.0.room)))
    }

    fn reject(&self, family: &'static str, rejection: Rejection, cause: &dyn fmt::Display) {
        self.0.metrics.rejections.count(family, rejection, cause);
    }
}

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embedded").field("room", &self.0.room).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Asker(oneshot::Sender<Bytes>);

impl Reply for Asker {
    fn send(self: Box<Self>, body: Bytes) {
        let _ = self.0.send(body);
    }
}

#[cfg(test)]
mod tests;
