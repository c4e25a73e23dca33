//! The engine for embeddings. It runs `job.embed`, with requests and answers in the shape of
//! `/v1/embeddings`.

use bytes::Bytes;
use cortex_api::{EmbeddingsRequest, EmbeddingsResponse, ModelRequest};
use cortex_domain::id::ModelName;
use cortex_domain::ports::Answer;
use cortex_domain::state::{Failure, FailureKind};
use cortex_domain::task::Task;
use cortex_domain::topics;
use cortex_inference::embed::{EmbedError, Embedder, LongText};
use cortex_platform::telemetry::genai;
use cortex_runtime::{Context, Engine, Profile};
use tokio_util::sync::CancellationToken;

use crate::{failure, usage};

/// Jobs at a time. More jobs make fuller batches, up to a point.
const CAPACITY: u32 = 64;
/// From this many vectors on, writing them as JSON takes longer than handing them to another
/// thread.
const LARGE: usize = 64;

/// Runs jobs on one loaded model.
#[derive(Debug)]
pub(crate) struct Embed {
    model: ModelName,
    embedder: Embedder,
    shutdown: CancellationToken,
}

impl Embed {
    /// Cancels `shutdown` if the model's thread has ended, so that a new process loads the model
    /// again.
    pub(crate) fn new(model: ModelName, embedder: Embedder, shutdown: CancellationToken) -> Self {
        Self { model, embedder, shutdown }
    }

    async fn embed(&self, task: &Task, input: Bytes) -> Result<Bytes, Failure> {
        let (tenant, format) = (&task.owner.tenant, task.input);
        let read = move |input: &[u8]| EmbeddingsRequest::from_input(format, input);
        let request = self.embedder.pool().read(tenant.as_str(), input, read).await.map_err(failure::of)?;
        if request.model != self.model {
            let detail = format!("unknown model `{}`: this pool serves `{}`", request.model, self.model);
            return Err(invalid(detail).at("model"));
        }
        usage::of_request(genai::EMBEDDINGS, &self.model);
        let dimensions = self.embedder.info().dimensions;
        if request.dimensions.is_some_and(|models| usize::try_from(models) != Ok(dimensions)) {
            let detail =
                format!("invalid `dimensions`: must be {dimensions}, the size of this model's vectors");
            return Err(invalid(detail).at("dimensions"));
        }
        let long_text = if request.truncate { LongText::Truncate } else { LongText::Reject };
        let embedding = self.embedder.embed(tenant, request.input, long_text);
        let embedded = embedding.await.map_err(|error| self.failure(error))?;
        let (model, encoding, truncate) = (self.model.clone(), request.encoding, request.truncate);
        let tokens = u64::try_from(embedded.tokens).unwrap_or(u64::MAX);
        usage::of_response(tokens, None);
        let large = embedded.vectors.len() > LARGE;
        let write = move || {
            let response = EmbeddingsResponse::new(&model, &embedded.vectors, encoding, tokens);
            let response = if truncate { response.with_truncated(embedded.truncated) } else { response };
            serde_json::to_vec(&response)
        };
        let written = if large {
            self.embedder.pool().run(tenant.as_str(), write).await.map_err(failure::of)?
        } else {
            write()
        };
        written.map(Bytes::from).map_err(|error| {
            tracing::error!(%error, "the vectors can't be written as JSON");
            broken()
        })
    }

    fn failure(&self, error: EmbedError) -> Failure {
        match error {
            EmbedError::Overloaded { retry_after } => {
                Failure::new(FailureKind::Overloaded, "the model's queue is full: try again later")
                    .retry_after(retry_after)
            }
            EmbedError::TooMany { .. } | EmbedError::BadText { .. } | EmbedError::TooLong { .. } => {
                invalid(error.to_string()).at("input")
            }
            EmbedError::Device(_) => {
                tracing::error!(%error, "the model failed");
                broken()
            }
            EmbedError::Stopped => {
                tracing::error!("the model's thread has ended: stopping this worker");
                self.shutdown.cancel();
                broken()
            }
        }
    }
}

impl Engine for Embed {
    fn profile(&self) -> Profile {
        Profile {
            kind: "embed",
            pool: "embed".parse().expect("a valid pool"),
            topics: vec![topics::EMBED.into()],
            capacity: CAPACITY,
        }
    }

    fn models(&self) -> Vec<ModelName> {
        vec![self.model.clone()]
    }

    fn run(&self, task: Box<Task>, context: Context) -> Answer<'_, Result<Bytes, Failure>> {
        Box::pin(async move { self.embed(&task, context.input).await })
    }
}

fn invalid(detail: impl Into<String>) -> Failure {
    Failure::new(FailureKind::InvalidInput, detail)
}

fn broken() -> Failure {
    Failure::new(FailureKind::Broken, "the model failed")
}
