//! `POST /chat`: one message and its answer, in a minimal format.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ChatCompletion, ChatRequest, Message};
use crate::body::Checked;
use crate::generation::{
    FinishReason, GenerationParams, MAX_TEMPERATURE, MAX_TOKENS, Sampling, TokenUsage, hint,
};
use crate::parameters::Parameters;
use crate::problem::Problem;
use cortex_domain::ErrorCode;
#[cfg(feature = "schema")]
use cortex_domain::id::ModelName;

/// One message to a model.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "SimpleChatRequest", deny_unknown_fields)
)]
pub struct SimpleChat {
    /// The name of a model. `GET /v1/models` lists the models.
    #[cfg_attr(feature = "schema", schemars(with = "ModelName"))]
    pub model: String,
    pub message: String,
    /// The instructions for the model.
    pub system: Option<String>,
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = MAX_TOKENS)))]
    pub max_tokens: Option<u32>,
    /// 0 always chooses the most likely token.
    #[cfg_attr(feature = "schema", schemars(range(min = 0.0, max = MAX_TEMPERATURE)))]
    pub temperature: Option<f64>,
    #[cfg_attr(feature = "schema", schemars(range(min = i64::MIN, max = i64::MAX)))]
    pub seed: Option<i64>,
}

/// The answer to one message.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SimpleChatAnswer {
    pub model: String,
    pub text: String,
    pub finish_reason: FinishReason,
    pub usage: TokenUsage,
    /// The receipt: how the answer was produced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<serde_json::Map<String, Value>>"))]
    pub cortex: Option<Value>,
}

impl SimpleChat {
    /// Parses and validates a body, like [`ChatRequest::parse`].
    ///
    /// # Errors
    /// Returns a problem that names the invalid parameter.
    pub fn parse(body: Checked<'_>) -> Result<Self, Problem> {
        let mut given = Parameters::body(body)?;
        let short = Self {
            model: given.required("model", "a string")?,
            message: given.required("message", "a string")?,
            system: given.optional("system", "a string")?,
            max_tokens: given
                .whole("max_tokens", 1, MAX_TOKENS)?
                .and_then(|tokens| u32::try_from(tokens).ok()),
            temperature: given.number("temperature", 0.0, MAX_TEMPERATURE)?,
            seed: given.whole("seed", i64::MIN, i64::MAX)?,
        };
        given.none_left(hint)?;
        Ok(short)
    }

    /// Converts the request to a chat completion request.
    ///
    /// # Errors
    /// Returns an error if `model` is not a valid model name.
    pub fn request(self) -> Result<ChatRequest, Problem> {
        let Self { model, message, system, max_tokens, temperature, seed } = self;
        let temperature = temperature.map(|temperature| temperature as f32);
        let params = GenerationParams {
            sampling: Sampling { temperature, seed, ..Sampling::default() },
            max_tokens,
            ..GenerationParams::of(&model)?
        };
        let system = system.map(|content| Message::System { content, name: None });
        let user = Message::User { content: message, name: None };
        Ok(ChatRequest::new(params, system.into_iter().chain([user]).collect()))
    }

    /// Converts a whole chat completion to an answer.
    ///
    /// # Errors
    /// Returns an error if `whole` is not a chat completion.
    pub fn answer(whole: &[u8]) -> Result<SimpleChatAnswer, Problem> {
        let broken = || Problem::new(ErrorCode::WorkerFailed, "the worker's response is invalid");
        let mut whole: ChatCompletion = serde_json::from_slice(whole).map_err(|_| broken())?;
        let choice = whole.choices.pop().ok_or_else(broken)?;
        let text = choice.message.content.unwrap_or_default();
        let ChatCompletion { model, usage, cortex, .. } = whole;
        Ok(SimpleChatAnswer { model, text, finish_reason: choice.finish_reason, usage, cortex })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_a_conversation_of_one() {
        let body =
            r#"{"model":"m","system":"be","message":"hi","max_tokens":3.0,"temperature":0,"seed":4e0}"#;
        let request = SimpleChat::parse(Checked::trust(body.as_bytes())).unwrap().request().unwrap();
        assert_eq!(request.messages.len(), 2);
        assert_eq!((request.params.max_tokens, request.params.sampling.temperature), (Some(3), Some(0.0)));
        assert_eq!(request.params.sampling.seed, Some(4));
    }

    #[test]
    fn unknown_members_are_refused_by_name() {
        let refused = |body: &str| match SimpleChat::parse(Checked::trust(body.as_bytes())) {
            Ok(short) => short.request().unwrap_err().detail,
            Err(problem) => problem.detail,
        };
        assert!(refused(r#"{"model":"m","message":"hi","stream":true}"#).contains("stream"));
        assert!(refused(r#"{"model":"m"}"#).contains("message"));
        assert!(refused(r#"{"model":"m","message":"hi","temperature":9}"#).contains("temperature"));
    }
}
