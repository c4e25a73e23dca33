//! Chat completions, whole or streamed.

use std::collections::VecDeque;
use std::time::Duration;

use cortex_api::chat::{ChatChunk, ChatCompletion};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde::Serialize;
use serde_json::Value;
use tokio::time::timeout;

use crate::sse::{SseFrame, SseParser};
use crate::{Api, ApiError, CallError, response};

/// How long a stream may send nothing. The API sends a comment every 15 s once the answer has
/// begun. Before that the model may still process the prompt.
const IDLE_TIMEOUT: Duration = Duration::from_secs(120);

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

/// A message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChatMessage {
    pub role: &'static str,
    pub content: String,
}

/// A streamed answer. Dropping it cancels the request, which stops the model.
#[derive(Debug)]
pub struct ChatStream {
    response: Response,
    parser: SseParser,
    ready: VecDeque<SseFrame>,
}

impl Api {
    /// Sends a chat request and returns the whole answer.
    ///
    /// # Errors
    /// Returns an error if the API can't be reached or refuses the request.
    pub async fn chat(&self, request: &ChatRequest) -> Result<ChatCompletion, CallError> {
        response::read(self.chat_request(request)).await
    }

    /// Sends a chat request and returns its answer as a stream.
    ///
    /// # Errors
    /// Returns an error if the API can't be reached or refuses the request.
    pub async fn chat_stream(&self, request: &ChatRequest) -> Result<ChatStream, CallError> {
        let streamed = self.chat_request(&ChatRequest { stream: true, ..request.clone() });
        let response = timeout(IDLE_TIMEOUT, response::send(streamed)).await;
        let response = response.unwrap_or_else(|_| Err(CallError::idle(&self.base)))?;
        Ok(ChatStream { response, parser: SseParser::default(), ready: VecDeque::new() })
    }

    fn chat_request(&self, request: &ChatRequest) -> RequestBuilder {
        let url = self.endpoint(&["v1", "chat", "completions"]);
        // Without a timeout for the whole response: a long answer is no failure.
        self.http.request(Method::POST, url).bearer_auth(&self.key).json(request)
    }
}

impl ChatStream {
    /// Returns the next chunk, or `None` after the last.
    ///
    /// # Errors
    /// Returns an error if the stream breaks or the model fails.
    pub async fn next(&mut self) -> Result<Option<ChatChunk>, CallError> {
        let url = self.response.url().clone();
        loop {
            while let Some(frame) = self.ready.pop_front() {
                let SseFrame::Event { data, .. } = frame else { continue };
                if data == "[DONE]" {
                    return Ok(None);
                }
                return read(&url, &data).map(Some);
            }
            let piece =
                timeout(IDLE_TIMEOUT, self.response.chunk()).await.map_err(|_| CallError::idle(&url))?;
            match piece.map_err(|error| CallError::unreachable(&url, &error))? {
                Some(bytes) => {
                    let frames = self.parser.feed(&bytes);
                    self.ready.extend(frames.map_err(|error| CallError::invalid_response(&url, error))?);
                }
                None => {
                    return Err(CallError::invalid_response(
                        &url,
                        "the stream ended before the answer was complete",
                    ));
                }
            }
        }
    }
}

fn read(url: &Url, data: &str) -> Result<ChatChunk, CallError> {
    let document: Value =
        serde_json::from_str(data).map_err(|error| CallError::invalid_response(url, error))?;
    if document.get("error").is_some() {
        return Err(CallError::Refused(ApiError::read(StatusCode::INTERNAL_SERVER_ERROR, data.as_bytes())));
    }
    serde_json::from_value(document).map_err(|error| CallError::invalid_response(url, error))
}
