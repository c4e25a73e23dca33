//! The bus. It carries three kinds of traffic, and each has its own methods to send and to listen.
//!
//! The bus is only a transport: it may lose or repeat messages. No work is lost or done twice,
//! because the store holds the authoritative state.

use std::fmt::{Debug, Display};
use std::time::Duration;

use bytes::Bytes;

use super::Answer;
use crate::subject::{Filter, Published, Queued, Requested, Subject};

/// The number of a message in the outbox, by which a bus recognises a message that is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MessageId(pub u64);

/// A request without a reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// There is no responder, so the request reached no process.
    #[error("nothing answers requests on `{0}`")]
    NoResponder(Subject<Requested>),
    /// The request timed out. It may have arrived.
    #[error("the request on `{0}` timed out")]
    Unanswered(Subject<Requested>),
    /// The bus failed. The request may have arrived.
    #[error(transparent)]
    Bus(#[from] BusError),
}

/// A message that was not queued.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The queue is full. The caller may try again later.
    #[error("the queue `{0}` is full")]
    Full(Subject<Queued>),
    /// The bus failed. The message may be queued.
    #[error(transparent)]
    Bus(#[from] BusError),
}

/// The bus can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BusError {
    /// This process has closed the bus.
    #[error("the bus is closed")]
    Closed,
    /// The broker rejected the operation, or the connection failed.
    #[error("the bus failed: {0}")]
    Broken(String),
}

/// Why a receiver can't use a message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Rejection {
    /// The bytes are not a message.
    Malformed,
    /// A field is missing or has an impossible value.
    Invalid,
    /// A newer version of the protocol.
    NewerVersion,
    /// The message is about something else than its subject.
    Misaddressed,
}

impl Rejection {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Invalid => "invalid",
            Self::NewerVersion => "newer_version",
            Self::Misaddressed => "misaddressed",
        }
    }
}

/// The bus.
pub trait Bus: Send + Sync + 'static {
    /// Sends a request to one responder and waits for its reply.
    fn request(
        &self,
        subject: Subject<Requested>,
        body: Bytes,
        within: Duration,
    ) -> Answer<'_, Result<Bytes, RequestError>>;

    /// Responds to requests. Each request reaches one of the responders with the same filter.
    fn respond(
        &self,
        filter: Filter<Requested>,
    ) -> Answer<'_, Result<Box<dyn Subscription<Request>>, BusError>>;

    /// Responds to requests that other processes may receive as well. The first reply counts. A bus
    /// within one process has no others.
    fn respond_beside_others(
        &self,
        filter: Filter<Requested>,
    ) -> Answer<'_, Result<Box<dyn Subscription<Request>>, BusError>> {
        self.respond(filter)
    }

    /// Publishes an event to the current subscribers. It never waits, and a slow subscriber misses
    /// events.
    fn publish(&self, subject: Subject<Published>, body: Bytes);

    /// Subscribes to published events.
    fn subscribe(
        &self,
        filter: Filter<Published>,
    ) -> Answer<'_, Result<Box<dyn Subscription<Event>>, BusError>>;

    /// Queues a message. Once this returns, the message is delivered until a consumer acknowledges
    /// it.
    fn append(&self, subject: Subject<Queued>, body: Bytes) -> Answer<'_, Result<(), AppendError>>;

    /// Queues a message, unless one with the same id was queued a moment ago. A bus that can't tell
    /// queues it again.
    fn append_once(
        &self,
        subject: Subject<Queued>,
        id: MessageId,
        body: Bytes,
    ) -> Answer<'_, Result<(), AppendError>> {
        let _ = id;
        self.append(subject, body)
    }

    /// Consumes messages from a queue. Each message reaches one consumer at a time.
    fn consume(
        &self,
        subject: Subject<Queued>,
    ) -> Answer<'_, Result<Box<dyn Subscription<Delivery>>, BusError>>;

    /// Takes a queue from the processes that consume it. What they have not acknowledged is
    /// delivered again. A bus within one process has no others.
    fn take_queue(&self, subject: Subject<Queued>) -> Answer<'_, Result<(), BusError>> {
        drop(subject);
        Box::pin(std::future::ready(Ok(())))
    }

    /// Counts a received message that can't be used, and logs the first ones of their kind. `family`
    /// is that of its subject.
    fn reject(&self, family: &'static str, rejection: Rejection, cause: &dyn Display);
}

/// A subscription, which ends when it is dropped.
pub trait Subscription<T>: Send + Debug {
    /// Returns the next message, or `None` once the bus is closed.
    fn next(&mut self) -> Answer<'_, Option<T>>;
}

/// A received request.
#[derive(Debug)]
pub struct Request {
    pub subject: Subject<Requested>,
    pub body: Bytes,
    /// If it is dropped, the sender gets no reply.
    pub reply: Box<dyn Reply>,
}

/// A received event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub subject: Subject<Published>,
    pub body: Bytes,
}

/// A message from a queue.
#[derive(Debug)]
pub struct Delivery {
    pub body: Bytes,
    /// If it is dropped, the message is delivered again after the consumer's timeout.
    pub receipt: Box<dyn Receipt>,
}

/// Replies to one request.
pub trait Reply: Send + Sync + Debug {
    /// Sends the reply. It is lost if the sender no longer waits.
    fn send(self: Box<Self>, body: Bytes);
}

/// Settles one delivery.
pub trait Receipt: Send + Sync + Debug {
    /// Acknowledges the message, so that it is not delivered again.
    fn ack(self: Box<Self>);

    /// Rejects the message for now. It is delivered again after `pause`.
    fn nak(self: Box<Self>, pause: Duration);
}
