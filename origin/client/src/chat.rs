//! Conversations, answered as the answer grows.

use std::collections::VecDeque;
use std::time::Duration;

use cortex_api::chat::{ChatChunk, ChatCompletion};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde::Serialize;
use serde_json::Value;
use tokio::time::timeout;

use crate::sse::{Frame, Parser};
use crate::{Api, CallError, Refused, answer};

/// How long a stream may be silent. The API sends a comment every 15 s once the answer has begun; until then the model may
/// be busy with the prompt.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(120);

/// A request to a chat model.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ChatRequest {
    pub model: String,
    pub messages: Vec<ChatMessage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<i64>,
    pub stream: bool,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChatMessage {
    pub role: &'static str,
    pub content: String,
}

/// An answer as it grows. Dropping it stops the model.
#[derive(Debug)]
pub struct ChatStream {
    response: Response,
    parser: Parser,
    ready: VecDeque<Frame>,
}

impl Api {
    /// Returns the whole answer.
    ///
    /// # Errors
    /// Returns an error if it can't be reached or refuses.
    pub async fn chat(&self, request: &ChatRequest) -> Result<ChatCompletion, CallError> {
        answer::read(self.chat_request(request)).await
    }

    /// Returns the answer as it grows.
    ///
    /// # Errors
    /// Returns an error if it can't be reached or refuses.
    pub async fn chat_stream(&self, request: &ChatRequest) -> Result<ChatStream, CallError> {
        let streamed = self.chat_request(&ChatRequest { stream: true, ..request.clone() });
        let response = timeout(SILENCE_TIMEOUT, answer::send(streamed)).await;
        let response = response.unwrap_or_else(|_| Err(silent(&self.base)))?;
        Ok(ChatStream { response, parser: Parser::default(), ready: VecDeque::new() })
    }

    fn chat_request(&self, request: &ChatRequest) -> RequestBuilder {
        let url = self.at(&["v1", "chat", "completions"]);
        // Without a limit on the whole: an answer takes as long as it takes.
        self.http.request(Method::POST, url).bearer_auth(&self.key).json(request)
    }
}

impl ChatStream {
    /// Returns the next piece, or `None` after the last.
    ///
    /// # Errors
    /// Returns an error if the stream breaks, or the answer fails in its middle.
    pub async fn next(&mut self) -> Result<Option<ChatChunk>, CallError> {
        let url = self.response.url().clone();
        loop {
            while let Some(frame) = self.ready.pop_front() {
                let Frame::Event { data, .. } = frame else { continue };
                if data == "[DONE]" {
                    return Ok(None);
                }
                return read(&url, &data).map(Some);
            }
            let piece = timeout(SILENCE_TIMEOUT, self.response.chunk()).await.map_err(|_| silent(&url))?;
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
