//! Conversations, answered as the answer grows.

use std::collections::VecDeque;
use std::time::Duration;

use cortex_api::chat::{ChatChunk, ChatCompletion};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde::Serialize;
use serde_json::Value;
use tokio::time::timeout;

use super::sse::{Frame, Parser};
use super::{Api, CallError, Refused, answer};

/// The API breaks a silence every 15 s, once the answer has begun; until then the model may be busy with the prompt.
const SILENCE: Duration = Duration::from_secs(120);

/// What is asked of a model.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Asked {
    pub(crate) model: String,
    pub(crate) messages: Vec<Said>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seed: Option<i64>,
    pub(crate) stream: bool,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Said {
    pub(crate) role: &'static str,
    pub(crate) content: String,
}

/// An answer on its way; dropping it stops the model.
#[derive(Debug)]
pub(crate) struct Telling {
    response: Response,
    parser: Parser,
    ready: VecDeque<Frame>,
}

impl Api {
    /// The whole answer.
    ///
    /// # Errors
    /// If it can't be reached or refuses.
    pub(crate) async fn chat(&self, asked: &Asked) -> Result<ChatCompletion, CallError> {
        answer::read(self.chatting(asked)).await
    }

    /// The answer as it grows.
    ///
    /// # Errors
    /// If it can't be reached or refuses.
    pub(crate) async fn tell(&self, asked: &Asked) -> Result<Telling, CallError> {
        let request = self.chatting(&Asked { stream: true, ..asked.clone() });
        let response = timeout(SILENCE, answer::send(request)).await;
        let response = response.unwrap_or_else(|_| Err(silent(&self.base)))?;
        Ok(Telling { response, parser: Parser::default(), ready: VecDeque::new() })
    }

    fn chatting(&self, asked: &Asked) -> RequestBuilder {
        let url = self.at(&["v1", "chat", "completions"]);
        // Without a limit on the whole: an answer takes as long as it takes.
        self.http.request(Method::POST, url).bearer_auth(&self.key).json(asked)
    }
}

impl Telling {
    /// The next piece; none after the last.
    ///
    /// # Errors
    /// If the stream breaks, or the answer fails in its middle.
    pub(crate) async fn next(&mut self) -> Result<Option<ChatChunk>, CallError> {
        let url = self.response.url().clone();
        loop {
            while let Some(frame) = self.ready.pop_front() {
                let Frame::Event { data, .. } = frame else { continue };
                if data == "[DONE]" {
                    return Ok(None);
                }
                return read(&url, &data).map(Some);
            }
            let piece = timeout(SILENCE, self.response.chunk()).await.map_err(|_| silent(&url))?;
            match piece.map_err(|error| CallError::unreachable(&url, &error))? {
                Some(bytes) => {
                    let frames = self.parser.feed(&bytes);
                    self.ready
                        .extend(frames.map_err(|_| CallError::unreadable(&url, "an event does not end"))?);
                }
                None => return Err(CallError::unreadable(&url, "it breaks off in the middle")),
            }
        }
    }
}

fn read(url: &Url, data: &str) -> Result<ChatChunk, CallError> {
    let document: Value = serde_json::from_str(data).map_err(|error| CallError::unreadable(url, error))?;
    if document.get("error").is_some() {
        return Err(CallError::Refused(Refused::read(StatusCode::INTERNAL_SERVER_ERROR, data.as_bytes())));
    }
    serde_json::from_value(document).map_err(|error| CallError::unreadable(url, error))
}

fn silent(url: &Url) -> CallError {
    CallError::Unreachable { url: url.origin().ascii_serialization(), cause: "it fell silent".to_owned() }
}
