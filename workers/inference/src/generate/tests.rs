//! Requests in OpenAI's shape to a model with scripted answers.

mod chat;
mod complete;
mod prompts;
mod registry;
mod scopes;
mod tools;

use cortex_api::Problem;
use cortex_api::body::Checked;
use cortex_api::chat::ChatRequest;
use cortex_api::completions::CompletionRequest;
use cortex_domain::id::JobId;
use cortex_domain::time::Timestamp;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{Caller, ChatFormat, Defaults, Model};
use crate::language::tests::{scripted, tiny};

/// A template like those of Hermes and Qwen 3, with reasoning, tools and ChatML. `<s>` begins a
/// turn.
const TEMPLATE: &str = "{%- for message in messages %}<s>{{ message.role }}\n{{ message.content }}</s>\n{% endfor %}\
    {%- if tools %}{{ tools | tojson }}<tool_call></tool_call>{% endif %}\
    {%- if add_generation_prompt %}<s>assistant\n\
    {%- if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n{% endif %}{% endif %}";

/// Returns a model that answers everything with `script`.
fn model(template: &str, script: &str) -> Model {
    let chat_format = ChatFormat::new(template, &tiny::tokenizer()).unwrap();
    Model::new("tiny".parse().unwrap(), scripted(script), Some(chat_format), Defaults::default())
}

fn caller() -> Caller {
    Caller {
        job: JobId::mint(Timestamp::from_millis(1_700_000_000_000), [7; 10]),
        tenant: Some("a".parse().unwrap()),
        deadline: None,
        cancel: CancellationToken::new(),
    }
}

/// Returns a conversation of one message, with further fields.
fn request(fields: Value) -> ChatRequest {
    let mut body =
        json!({"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "temperature": 0});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    ChatRequest::parse(Checked::trust(body.to_string().as_bytes())).unwrap()
}

fn completion(fields: Value) -> CompletionRequest {
    let mut body = json!({"model": "tiny", "prompt": "hi", "temperature": 0, "max_tokens": 64});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    CompletionRequest::parse(Checked::trust(body.to_string().as_bytes())).unwrap()
}

/// Returns the whole answer.
async fn whole(model: &Model, fields: Value) -> Value {
    let answer = model.chat(request(fields), caller()).await.unwrap();
    serde_json::from_slice(&answer.document().await.unwrap()).unwrap()
}

async fn refused(model: &Model, fields: Value) -> Problem {
    model.chat(request(fields), caller()).await.unwrap_err()
}

/// Returns all chunks.
async fn chunks(model: &Model, mut fields: Value) -> Vec<Value> {
    fields["stream"] = true.into();
    let mut answer = model.chat(request(fields), caller()).await.unwrap();
    let mut chunks = Vec::new();
    while let Some(more) = answer.next().await.unwrap() {
        chunks.extend(more.iter().map(|chunk| serde_json::from_slice::<Value>(chunk).unwrap()));
    }
    chunks
}

/// Returns the text of a field in a choice's deltas, joined.
fn joined(chunks: &[Value], choice: u32, field: &str) -> String {
    let choices = chunks.iter().flat_map(|chunk| chunk["choices"].as_array().unwrap());
    choices
        .filter(|found| found["index"] == choice)
        .filter_map(|found| found["delta"][field].as_str())
        .collect()
}
