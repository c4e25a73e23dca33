//! The bus.

use std::time::Duration;

use bytes::Bytes;

use super::Answer;
use crate::subject::{Filter, Subject};

/// The bus could not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BusError {
    /// Nobody listens on the subject.
    #[error("nobody listens on `{0}`")]
    NoListener(Subject),
    /// No reply came in time.
    #[error("no reply on `{0}` in time")]
    TimedOut(Subject),
    /// The listeners' buffers are full.
    #[error("the listeners on `{0}` are overloaded")]
    Overloaded(Subject),
    /// The connection is gone.
    #[error("the bus is closed")]
    Closed,
    /// The broker refused, or the connection failed.
    #[error("the bus failed: {0}")]
    Broken(String),
}

/// A message as it arrives.
#[derive(Debug)]
pub struct Delivery {
    pub subject: Subject,
    pub body: Bytes,
    /// Where to answer, when the sender waits for one.
    pub reply: Option<Box<dyn Reply>>,
}

/// Answers one request.
pub trait Reply: Send + Sync + std::fmt::Debug {
    fn send(self: Box<Self>, body: Bytes) -> Answer<'static, Result<(), BusError>>;
}

/// What a listener holds; dropping it ends it.
pub trait Subscription: Send + std::fmt::Debug {
    /// The next message; `None` once the bus is closed.
    fn next(&mut self) -> Answer<'_, Option<Delivery>>;
}

/// Transport, at most once: it may lose or repeat a message, and nothing is lost or done twice.
pub trait Bus: Send + Sync + 'static {
    /// Publishes to all who listen. What is advice ([`Subject::is_advice`]) passes over a listener that is full; anything
    /// else waits for it a while.
    fn publish(&self, subject: Subject, body: Bytes) -> Answer<'_, Result<(), BusError>>;

    /// Publishes and waits for the first reply.
    fn request(&self, subject: Subject, body: Bytes, within: Duration)
    -> Answer<'_, Result<Bytes, BusError>>;

    /// Listens; of the listeners that share a `group`, each message reaches one.
    fn subscribe(
        &self,
        filter: Filter,
        group: Option<&'static str>,
    ) -> Answer<'_, Result<Box<dyn Subscription>, BusError>>;
}
