//! The origin as a worker sees it: behind the link, or behind a broker.

mod broker;
mod offers;

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use cortex_domain::flow::Outcome;
use cortex_domain::pointer::Pointer;
use cortex_domain::ports::Answer;
use cortex_domain::task::{Cancel, Progress, Task};
use cortex_domain::worker::Heartbeat;
use futures::Stream;

pub(crate) use broker::Job;
pub use broker::{Broker, join};

/// The destination of a worker's messages. Delivery is not guaranteed, and a lease without messages
/// expires.
pub trait Origin: Send + Sync + 'static {
    fn heartbeat(&self, heartbeat: Heartbeat) -> Answer<'_, Result<(), OriginUnreachable>>;

    fn progress(&self, progress: Progress) -> Answer<'_, Result<(), OriginUnreachable>>;

    fn report(&self, report: Report) -> Answer<'_, Result<(), OriginUnreachable>>;

    /// Ends the worker's messages. The inbox ends once the origin has received them all.
    fn close(&self);
}

/// The origin is unreachable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the origin is unreachable")]
pub struct OriginUnreachable;

/// How a dispatch ended, with its answer if it succeeded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    pub outcome: Outcome,
    /// The draft of the dispatch. Present if, and only if, it succeeded.
    pub draft: Option<(Pointer, Bytes)>,
}

/// The messages for a worker, in order.
pub type Inbox = Pin<Box<dyn Stream<Item = Inbound> + Send>>;

/// A message for a worker.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Inbound {
    /// The origin is connected, for the first time or again, and expects heartbeats at this
    /// interval.
    Joined {
        heartbeat: Duration,
    },
    /// The connection is lost. The last messages may not have arrived.
    Lost,
    Job {
        task: Box<Task>,
        input: Bytes,
    },
    Cancel(Cancel),
    /// The origin rejects this worker and has never accepted it. This is the last message.
    Refused {
        reason: String,
    },
}

/// Returns the worker's current description, for its first message to the origin.
pub type Introduction = Box<dyn Fn() -> Heartbeat + Send + Sync>;
