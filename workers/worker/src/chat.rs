//! The engine for language models. It answers conversations and completions, and loads and unloads
//! models as jobs.

mod generate;
mod library;
mod loading;

use bytes::Bytes;
use cortex_api::Problem;
use cortex_domain::ErrorCode;
use cortex_domain::id::ModelName;
use cortex_domain::ports::Answer;
use cortex_domain::state::Failure;
use cortex_domain::task::Task;
use cortex_domain::topics;
use cortex_inference::generate::{Caller, ModelRegistry};
use cortex_runtime::{Context, Engine, Profile};

pub(crate) use library::CatalogueLibrary;

use crate::failure;

/// Jobs at a time: those that the model answers together, and as many that wait for a place among
/// them.
const CAPACITY: u32 = 64;

/// Runs jobs on the models of a registry.
#[derive(Debug)]
pub(crate) struct Chat {
    registry: ModelRegistry,
}

impl Chat {
    pub(crate) fn new(registry: ModelRegistry) -> Self {
        Self { registry }
    }

    async fn work(&self, task: &Task, context: Context) -> Result<Bytes, Problem> {
        match &task.topic {
            topic if *topic == topics::CHAT_SIMPLE => {
                generate::chat(&self.registry, caller(task, &context), task.input, &context).await
            }
            topic if *topic == topics::COMPLETE => {
                generate::complete(&self.registry, caller(task, &context), task.input, &context).await
            }
            topic if *topic == topics::MODEL_LOAD => loading::load(&self.registry, &context).await,
            topic if *topic == topics::MODEL_UNLOAD => loading::unload(&self.registry, &context).await,
            other => Err(Problem::new(
                ErrorCode::InvalidRequest,
                format!("this worker does not handle the topic `{other}`"),
            )),
        }
    }
}

impl Engine for Chat {
    fn profile(&self) -> Profile {
        let topics = [topics::CHAT_SIMPLE, topics::COMPLETE, topics::MODEL_LOAD, topics::MODEL_UNLOAD];
        Profile {
            kind: "chat",
            pool: "chat".parse().expect("a valid pool"),
            topics: topics.map(Into::into).into(),
            capacity: CAPACITY,
        }
    }

    fn models(&self) -> Vec<ModelName> {
        self.registry.loaded().iter().map(|model| model.name().clone()).collect()
    }

    fn changed(&self) -> Answer<'_, ()> {
        Box::pin(self.registry.changed())
    }

    fn memory_free(&self) -> u64 {
        match self.registry.free() {
            // A card that doesn't report its memory.
            u64::MAX => 0,
            // 0 means unknown, so a full card reports 1.
            free => free.max(1),
        }
    }

    fn run(&self, task: Box<Task>, context: Context) -> Answer<'_, Result<Bytes, Failure>> {
        Box::pin(async move { self.work(&task, context).await.map_err(failure::of) })
    }
}

fn caller(task: &Task, context: &Context) -> Caller {
    Caller {
        job: task.job,
        tenant: Some(task.owner.tenant.clone()),
        deadline: Some(context.deadline.into_std()),
        cancel: context.stop.clone(),
    }
}
