//! Parses requests for texts and checks their models.

use bytes::Bytes;
use cortex_api::body::Checked;
use cortex_api::chat::ChatRequest;
use cortex_api::completions::CompletionRequest;
use cortex_api::generation::GenerationParams;
use cortex_api::{ModelRequest, Problem};
use cortex_domain::ErrorCode;
use cortex_domain::id::ModelName;
use cortex_domain::topic::Topic;
use cortex_domain::topics;

use crate::models::ModelListing;

/// The kinds of text generation.
#[derive(Clone, Copy, Debug)]
pub(crate) enum TextKind {
    Chat,
    Completion,
}

impl TextKind {
    /// Returns the topic of its workers.
    pub(crate) fn topic(self) -> Topic {
        match self {
            Self::Chat => topics::CHAT_SIMPLE,
            Self::Completion => topics::COMPLETE,
        }
    }

    /// Parses and checks a body.
    ///
    /// # Errors
    /// Returns an error if it is invalid.
    pub(super) fn parse(self, body: Checked<'_>) -> Result<TextRequest, Problem> {
        match self {
            Self::Chat => ChatRequest::parse(body)?.try_into(),
            Self::Completion => CompletionRequest::parse(body)?.try_into(),
        }
    }
}

/// A request for a text: the parameters that the gateway uses, and the whole input of the worker.
pub(crate) struct TextRequest {
    pub(super) params: GenerationParams,
    pub(super) input: Bytes,
}

impl TryFrom<ChatRequest> for TextRequest {
    type Error = Problem;

    fn try_from(request: ChatRequest) -> Result<Self, Problem> {
        Ok(Self { input: request.to_input()?.into(), params: request.params })
    }
}

impl TryFrom<CompletionRequest> for TextRequest {
    type Error = Problem;

    fn try_from(request: CompletionRequest) -> Result<Self, Problem> {
        Ok(Self { input: request.to_input()?.into(), params: request.params })
    }
}

/// Checks that a chat model is known and available.
pub(super) fn check_model(model: &ModelName, models: &ModelListing) -> Result<(), Problem> {
    if models.contains(model) { Ok(()) } else { Err(unknown_model(model, &models.available())) }
}

fn unknown_model(model: &ModelName, known: &[ModelName]) -> Problem {
    let known: Vec<_> = known.iter().map(ModelName::as_str).collect();
    let available = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    let detail = format!(
        "unknown chat model `{model}` (expected {available}): `cortex models pull NAME` \
            downloads a model of models.yaml"
    );
    Problem::new(ErrorCode::UnknownModel, detail).at("model")
}
