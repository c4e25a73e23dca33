//! The interface between the worker's loop and what does the work.

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

    /// Returns the models that are loaded. The worker asks for them with every heartbeat.
    fn models(&self) -> Vec<ModelName> {
        Vec::new()
    }

    /// Returns once [`Self::models`] has changed, so that the worker reports it at once and not
    /// with its next heartbeat. Dropping the future loses no change.
    fn changed(&self) -> Answer<'_, ()> {
        Box::pin(pending())
    }

    /// Returns how many bytes further models may take, where models are loaded. For an engine that
    /// computes on a card this is the card's memory. By default it is the machine's free memory. 0
    /// means unknown.
    fn memory_free(&self) -> u64 {
        memory::free()
    }

    /// Runs a job and returns its answer.
    ///
    /// Dropping the future ends the run. Work outside of the future, such as a thread, ends when
    /// the context's token is cancelled. A panic fails this run alone, and the worker goes on with
    /// the next job.
    fn run(&self, task: Box<Task>, context: Context) -> Answer<'_, Result<Bytes, Failure>>;
}

/// Describes an engine.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The kind of work in one word, such as `echo`.
    pub kind: &'static str,
    pub pool: Pool,
    pub topics: Vec<TopicPattern>,
    /// How many jobs run at a time, unless the worker's settings override it.
    pub capacity: u32,
}

/// What a run gets besides its task.
#[derive(Debug)]
pub struct Context {
    /// The caller's input.
    pub input: Bytes,
    /// Cancelled when the answer is no longer needed.
    pub stop: CancellationToken,
    /// When the worker ends the run.
    pub deadline: Instant,
    /// Takes parts of the answer while the engine writes it.
    pub frames: Frames,
}
