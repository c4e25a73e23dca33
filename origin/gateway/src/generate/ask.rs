//! What is asked for, checked against what there is.

use cortex_api::Problem;
use cortex_api::chat::ChatRequest;
use cortex_api::completions::CompletionRequest;
use cortex_api::generation::Terms;
use cortex_domain::ErrorCode;
use cortex_domain::id::ModelName;
use cortex_domain::topic::Topic;
use cortex_domain::topics;

use crate::door::Admitted;
use crate::models::Listing;

/// The two ways to ask for a text.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    Chat,
    Complete,
}

impl Way {
    /// What a worker of it listens to.
    pub(super) fn topic(self) -> Topic {
        match self {
            Self::Chat => topics::CHAT_SIMPLE,
            Self::Complete => topics::COMPLETE,
        }
    }

    /// Reads the request, as its worker will again.
    ///
    /// # Errors
    /// If it is not valid.
    pub(super) fn read(self, admitted: &Admitted) -> Result<Terms, Problem> {
        let body = admitted.json()?;
        Ok(match self {
            Self::Chat => ChatRequest::parse(body)?.terms,
            Self::Complete => CompletionRequest::parse(body)?.terms,
        })
    }
}

/// Checks that there is a chat model of this name.
pub(super) fn check_model(model: &ModelName, models: &Listing) -> Result<(), Problem> {
    if models.has(model) { Ok(()) } else { Err(unknown(model, &models.now())) }
}

fn unknown(model: &ModelName, known: &[ModelName]) -> Problem {
    let known: Vec<_> = known.iter().map(ModelName::as_str).collect();
    let there_is = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    let detail = format!(
        "there is no chat model `{model}`; there is {there_is}: models.yaml lists them, and `cortex models pull NAME` \
         fetches one"
    );
    Problem::new(ErrorCode::UnknownModel, detail).at("model")
}
