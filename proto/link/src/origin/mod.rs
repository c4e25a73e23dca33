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

/// Where a worker's words go. None of them is promised to arrive: a lease that is not heard of lapses.
pub trait Origin: Send + Sync + 'static {
    fn heartbeat(&self, heartbeat: Heartbeat) -> Answer<'_, Result<(), OriginUnreachable>>;

    fn progress(&self, progress: Progress) -> Answer<'_, Result<(), OriginUnreachable>>;

    fn report(&self, report: Report) -> Answer<'_, Result<(), OriginUnreachable>>;

    /// Nothing more will be said. What is heard ends once the origin has all that was.
    fn close(&self);
}

/// The origin can't be reached now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the origin is away")]
pub struct OriginUnreachable;

/// How a dispatch ended, with its answer where it succeeded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    pub outcome: Outcome,
    /// The dispatch's own draft; there is one if, and only if, it succeeded.
    pub draft: Option<(Pointer, Bytes)>,
}

/// What a worker hears, in order.
pub type Inbox = Pin<Box<dyn Stream<Item = Inbound> + Send>>;

/// What a worker hears.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Inbound {
    /// The origin is there, for the first time or again, and wants a heartbeat this often.
    Joined {
        heartbeat: Duration,
    },
    /// The origin is away. What was said last may not have arrived.
    Lost,
    Job {
        task: Box<Task>,
        input: Bytes,
    },
    Cancel(Cancel),
    /// The origin doesn't take this worker, and never has: the last thing heard.
    Refused {
        reason: String,
    },
}

/// Says what a worker is at this moment, for its first word to the origin.
pub type Introduction = Box<dyn Fn() -> Heartbeat + Send + Sync>;
