//! The input of a worker for an inference request.
//!
//! The gateway parses and validates a body once, and sends the parsed request as JSON. Jobs carry
//! the body as the caller sent it, and the worker parses it.

use cortex_domain::ErrorCode;
use cortex_domain::job::InputFormat;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::body::Checked;
use crate::chat::ChatRequest;
use crate::completions::CompletionRequest;
use crate::embeddings::EmbeddingsRequest;
use crate::problem::Problem;

/// A request that a worker runs.
pub trait ModelRequest: Serialize + DeserializeOwned {
    /// Parses and validates a body as a caller sent it.
    ///
    /// # Errors
    /// Returns a problem that names the invalid parameter.
    fn from_body(body: Checked<'_>) -> Result<Self, Problem>;

    /// Encodes the request in the form [`InputFormat::Normalised`].
    ///
    /// # Errors
    /// Returns an error if encoding fails, which does not happen for a parsed request.
    fn to_input(&self) -> Result<Vec<u8>, Problem> {
        serde_json::to_vec(self).map_err(|_| {
            Problem::new(
                ErrorCode::Internal,
                "the request could not be encoded for its \
                worker",
            )
        })
    }

    /// Parses a worker's input.
    ///
    /// # Errors
    /// Returns an error if the input is not such a request.
    fn from_input(format: InputFormat, input: &[u8]) -> Result<Self, Problem> {
        match format {
            InputFormat::Body => Self::from_body(Checked::trust(input)),
            InputFormat::Normalised => serde_json::from_slice(input).map_err(|error| {
                let detail = format!(
                    "the stored request comes from another version of the gateway and can't be \
                        decoded: {error}"
                );
                Problem::new(ErrorCode::Internal, detail)
            }),
        }
    }
}

impl ModelRequest for ChatRequest {
    fn from_body(body: Checked<'_>) -> Result<Self, Problem> {
        Self::parse(body)
    }
}

impl ModelRequest for CompletionRequest {
    fn from_body(body: Checked<'_>) -> Result<Self, Problem> {
        Self::parse(body)
    }
}

impl ModelRequest for EmbeddingsRequest {
    fn from_body(body: Checked<'_>) -> Result<Self, Problem> {
        Self::parse(body)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn comes_through<T: ModelRequest + PartialEq + std::fmt::Debug>(body: &serde_json::Value) {
        let body = body.to_string();
        let read = T::from_input(InputFormat::Body, body.as_bytes()).unwrap();
        let written = read.to_input().unwrap();
        assert_eq!(T::from_input(InputFormat::Normalised, &written).unwrap(), read);
    }

    #[test]
    fn a_worker_reads_what_the_door_has_read() {
        let call = json!({"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":"}});
        let tool = json!({"type": "function", "function": {
            "name": "f", "description": "d", "strict": true, "parameters": {"type": "object", "properties": {"z": {}, "a": {}}},
        }});
        comes_through::<ChatRequest>(&json!({
            "model": "m", "messages": [
                {"role": "system", "content": "s", "name": "n"},
                {"role": "user", "content": [{"type": "text", "text": "ü\u{0}\"\n"}]},
                {"role": "assistant", "tool_calls": [call], "reasoning_content": "r"},
                {"role": "tool", "content": "t", "tool_call_id": "c1"},
            ],
            "tools": [tool], "tool_choice": {"type": "function", "function": {"name": "f"}},
            "parallel_tool_calls": false, "logprobs": true, "top_logprobs": 3,
            "chat_template_kwargs": {"enable_thinking": false, "n": 0.1, "big": 18_446_744_073_709_551_615_u64},
            "temperature": 0.7, "top_p": 0.95, "top_k": 40, "min_p": 0.05, "logit_bias": {"7": -3.25}, "seed": i64::MIN,
            "stop": ["a", "b"], "max_tokens": 9, "n": 2, "stream": true, "stream_options": {"include_usage": true},
            "metadata": {"a": "b"}, "user": "u",
        }));
        for format in [
            json!({"type": "json_object"}),
            json!({"type": "json_schema", "json_schema": {"name": "s", "schema": {"type": "string"}}}),
            json!({"type": "regex", "regex": "a+"}),
            json!({"type": "lark", "lark": "start: \"a\""}),
        ] {
            comes_through::<ChatRequest>(
                &json!({"model": "m", "messages": [{"role": "user", "content": "x"}], "response_format": format}),
            );
        }
        comes_through::<CompletionRequest>(&json!({"model": "m", "prompt": "x", "logprobs": 2}));
        comes_through::<CompletionRequest>(&json!({"model": "m", "prompt": [[1, 2], [3]]}));
        comes_through::<EmbeddingsRequest>(&json!({
            "model": "m", "input": ["a", "b"], "encoding_format": "base64", "dimensions": 3, "truncate": true, "user": "u",
        }));
    }

    #[test]
    fn a_body_is_not_a_normalised_request() {
        let body = json!({"model": "m", "input": "a"}).to_string();
        let problem = EmbeddingsRequest::from_input(InputFormat::Normalised, body.as_bytes()).unwrap_err();
        assert_eq!(problem.kind, ErrorCode::Internal);
    }
}
