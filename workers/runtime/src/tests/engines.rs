//! Engines that misbehave, each in one way.

use std::future::pending;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use cortex_domain::id::ModelName;
use cortex_domain::ports::Answer;
use cortex_domain::state::Failure;
use cortex_domain::task::Task;
use tokio::sync::{Notify, watch};

use crate::echo::Echo;
use crate::{Context, Engine, Profile};

type Run<'a> = Answer<'a, Result<Bytes, Failure>>;

pub(super) struct FailsWith(pub(super) Failure);

impl Engine for FailsWith {
    fn profile(&self) -> Profile {
        Echo.profile()
    }

    fn run(&self, _: Box<Task>, _: Context) -> Run<'_> {
        Box::pin(async { Err(self.0.clone()) })
    }
}

/// Panics before it starts.
pub(super) struct Panics;

impl Engine for Panics {
    fn profile(&self) -> Profile {
        Echo.profile()
    }

    fn run(&self, _: Box<Task>, _: Context) -> Run<'_> {
        panic!("a secret of the input")
    }
}

/// Answers with this many bytes.
pub(super) struct AnswersBytes(pub(super) usize);

impl Engine for AnswersBytes {
    fn profile(&self) -> Profile {
        Echo.profile()
    }

    fn run(&self, _: Box<Task>, _: Context) -> Run<'_> {
        Box::pin(async { Ok(vec![b'1'; self.0].into()) })
    }
}

/// Sends its input as a frame of the answer.
pub(super) struct SendsFrames;

impl Engine for SendsFrames {
    fn profile(&self) -> Profile {
        Echo.profile()
    }

    fn run(&self, _: Box<Task>, context: Context) -> Run<'_> {
        Box::pin(async move {
            context.frames.send(context.input).await;
            Ok(Bytes::new())
        })
    }
}

/// Runs until it is stopped.
pub(super) struct NeverReturns(watch::Sender<usize>);

impl NeverReturns {
    pub(super) fn new() -> (Self, Running) {
        let (count, running) = watch::channel(0);
        (Self(count), Running(running))
    }
}

impl Engine for NeverReturns {
    fn profile(&self) -> Profile {
        Echo.profile()
    }

    fn run(&self, _: Box<Task>, context: Context) -> Run<'_> {
        Box::pin(async move {
            self.0.send_modify(|running| *running += 1);
            // This task is outside of the future that is dropped, as a thread would be.
            let count = self.0.clone();
            tokio::spawn(async move {
                context.stop.cancelled().await;
                count.send_modify(|running| *running -= 1);
            });
            pending().await
        })
    }
}

/// Has the models that a test gives it.
#[derive(Clone, Default)]
pub(super) struct Loads(Arc<(Mutex<Vec<ModelName>>, Notify)>);

impl Loads {
    pub(super) fn load(&self, model: &str) {
        self.0.0.lock().unwrap().push(model.parse().unwrap());
        self.0.1.notify_one();
    }
}

impl Engine for Loads {
    fn profile(&self) -> Profile {
        Echo.profile()
    }

    fn models(&self) -> Vec<ModelName> {
        self.0.0.lock().unwrap().clone()
    }

    fn changed(&self) -> Answer<'_, ()> {
        Box::pin(self.0.1.notified())
    }

    fn memory_free(&self) -> u64 {
        1000 - self.models().len() as u64
    }

    fn run(&self, _: Box<Task>, _: Context) -> Run<'_> {
        Box::pin(pending())
    }
}

/// How many runs are active.
pub(super) struct Running(watch::Receiver<usize>);

impl Running {
    pub(super) async fn none(&self) {
        self.0.clone().wait_for(|running| *running == 0).await.unwrap();
    }

    pub(super) async fn some(&self) {
        self.0.clone().wait_for(|running| *running > 0).await.unwrap();
    }
}

/// Answers with its input once the gate opens.
pub(super) struct Gated(Arc<Notify>);

impl Gated {
    pub(super) fn new() -> (Self, Arc<Notify>) {
        let gate = Arc::new(Notify::new());
        (Self(Arc::clone(&gate)), gate)
    }
}

impl Engine for Gated {
    fn profile(&self) -> Profile {
        Echo.profile()
    }

    fn run(&self, _: Box<Task>, context: Context) -> Run<'_> {
        Box::pin(async move {
            self.0.notified().await;
            Ok(context.input)
        })
    }
}
