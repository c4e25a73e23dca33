//! What can do work.

use std::future::pending;

use bytes::Bytes;
use cortex_domain::id::{ModelName, Pool};
use cortex_domain::ports::Answer;
use cortex_domain::state::Failure;
use cortex_domain::task::Task;
use cortex_domain::topic::TopicPattern;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::progress::Frames;
use cortex_platform::memory;

/// Does one kind of work.
pub trait Engine: Send + Sync + 'static {
    fn profile(&self) -> Profile;

    /// The models that are loaded now; asked for every heartbeat.
    fn models(&self) -> Vec<ModelName> {
        Vec::new()
    }

    /// Returns once [`Self::models`] has changed, so that the worker says so at once and not with its next heartbeat.
    /// Dropping the future loses no change.
    fn changed(&self) -> Answer<'_, ()> {
        Box::pin(pending())
    }

    /// Bytes that more models may still take, where models lie: a card's memory for an engine that computes on one. By
    /// default what the machine can give; 0 where it is not known.
    fn memory_free(&self) -> u64 {
        memory::free()
    }

    /// Runs a job and gives its answer. Dropping the future ends the run; what goes on outside of it, such as a
    /// thread of its own, ends on the context's token.
    ///
    /// A panic is the run's alone: it is reported as a failure and the next job is run.
    fn run(&self, task: Box<Task>, context: Context) -> Answer<'_, Result<Bytes, Failure>>;
}

/// What an engine says of itself.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The kind of work in a word, e.g. `echo`.
    pub kind: &'static str,
    pub pool: Pool,
    pub topics: Vec<TopicPattern>,
    /// Runs at a time, unless the worker is told otherwise.
    pub capacity: u32,
}

/// What a run is given beside its task.
#[derive(Debug)]
pub struct Context {
    /// What the caller sent.
    pub input: Bytes,
    /// Cancelled once nobody wants the answer any more.
    pub stop: CancellationToken,
    /// When the run is ended, done or not.
    pub deadline: Instant,
    /// Takes pieces of the answer as they come.
    pub frames: Frames,
}
