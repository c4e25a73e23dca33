//! The bus: three kinds of traffic, each with a method of its own to send and to listen.
//!
//! The bus is transport: it may lose or repeat what it carries, and nothing is lost or done twice, since the store is the
//! truth.

use std::fmt::Debug;
use std::time::Duration;

use bytes::Bytes;

use super::Answer;
use crate::subject::{Filter, Published, Queued, Requested, Subject};

/// A request without an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Nothing listens there, so the request has reached no one.
    #[error("nothing answers requests on `{0}`")]
    NoResponder(Subject<Requested>),
    /// No reply came in time. The request may have arrived.
    #[error("no reply came on `{0}` in time")]
    Unanswered(Subject<Requested>),
    /// The bus failed. The request may have arrived.
    #[error(transparent)]
    Bus(#[from] BusError),
}

/// A message that was not queued.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The queue holds as much as it may; try again later.
    #[error("the queue `{0}` is full")]
    Full(Subject<Queued>),
    /// The bus failed. The message may be queued.
    #[error(transparent)]
    Bus(#[from] BusError),
}

/// The bus can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BusError {
    /// This process has closed it.
    #[error("the bus is closed")]
    Closed,
    /// The broker refused, or the connection failed.
    #[error("the bus failed: {0}")]
    Broken(String),
}

/// The bus.
pub trait Bus: Send + Sync + 'static {
    /// Asks one responder and waits for its reply.
    fn request(
        &self,
        subject: Subject<Requested>,
        body: Bytes,
        within: Duration,
    ) -> Answer<'_, Result<Bytes, RequestError>>;

    /// Answers requests. Of those who answer on the same filter, each request reaches one.
    fn respond(
        &self,
        filter: Filter<Requested>,
    ) -> Answer<'_, Result<Box<dyn Subscription<Request>>, BusError>>;

    /// Tells all who listen now. It never waits, and a listener that does not keep up goes without.
    fn publish(&self, subject: Subject<Published>, body: Bytes);

    /// Listens to what is published.
    fn subscribe(
        &self,
        filter: Filter<Published>,
    ) -> Answer<'_, Result<Box<dyn Subscription<Event>>, BusError>>;

    /// Queues a message. Once this returns, the message is delivered until a consumer acknowledges it.
    fn append(&self, subject: Subject<Queued>, body: Bytes) -> Answer<'_, Result<(), AppendError>>;

    /// Takes messages from a queue. Of those who consume the same queue, each message reaches one at a time.
    fn consume(
        &self,
        subject: Subject<Queued>,
    ) -> Answer<'_, Result<Box<dyn Subscription<Delivery>>, BusError>>;
}

/// What is listened to; dropping it ends it.
pub trait Subscription<T>: Send + Debug {
    /// The next message; `None` once the bus is closed.
    fn next(&mut self) -> Answer<'_, Option<T>>;
}

/// A request as it arrives.
#[derive(Debug)]
pub struct Request {
    pub subject: Subject<Requested>,
    pub body: Bytes,
    /// Dropped, the sender goes without an answer.
    pub reply: Box<dyn Reply>,
}

/// What was published, as it arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub subject: Subject<Published>,
    pub body: Bytes,
}

/// A message from a queue.
#[derive(Debug)]
pub struct Delivery {
    pub body: Bytes,
    /// Dropped, the message is delivered again after the time that a consumer may take.
    pub receipt: Box<dyn Receipt>,
}

/// Answers one request.
pub trait Reply: Send + Sync + Debug {
    /// Sends the answer; one to a sender that waits no longer is lost.
    fn send(self: Box<Self>, body: Bytes);
}

/// Settles one delivery.
pub trait Receipt: Send + Sync + Debug {
    /// The message is taken care of, and is not delivered again.
    fn ack(self: Box<Self>);

    /// The message can't be taken care of now: it is delivered again after `pause`.
    fn nak(self: Box<Self>, pause: Duration);
}
