//! Answers to conversations and texts: the last message, or the prompt.

use std::time::SystemTime;

use bytes::Bytes;
use cortex_api::chat::{
    ChatChunk, ChatCompletion, ChatRequest, Choice, ChunkChoice, Delta, Message, MessageView,
};
use cortex_api::completions::{Completion, CompletionChoice, CompletionRequest, Prompt};
use cortex_api::generation::{FinishReason, Format, GenerationParams, Streaming, TokenUsage};
use cortex_api::{ModelRequest, Problem};
use cortex_domain::state::{Failure, FailureKind};
use cortex_domain::task::Task;
use cortex_wire::stream::Encoder;
use serde::Serialize;

use super::options;
use crate::engine::Context;

pub(super) async fn chat(task: &Task, context: &Context) -> Result<Bytes, Failure> {
    let request = ChatRequest::from_input(task.input, &context.input).map_err(|problem| invalid(&problem))?;
    if !request.tools.is_empty() || request.logprobs.is_some() {
        return Err(unsupported("tools and logprobs"));
    }
    let text = request.messages.iter().rev().find_map(text_of).unwrap_or_default();
    let id = format!("chatcmpl-{}", task.job);
    let (created, model) = (created(task), request.params.model.to_string());
    let render = |part: StreamPart<'_>| {
        let (delta, finish_reason) = match part {
            StreamPart::Text { first, text } => {
                let role = first.then(|| "assistant".to_owned());
                (Delta { role, ..Delta::content(text.to_owned()) }, None)
            }
            StreamPart::End(reason) => (Delta::default(), Some(reason)),
            StreamPart::Usage(usage) => {
                let last = ChatChunk::new(id.clone(), created, model.clone(), vec![]);
                return json(&ChatChunk { usage: Some(usage), ..last });
            }
        };
        let choice = ChunkChoice { index: 0, delta, logprobs: None, finish_reason };
        json(&ChatChunk::new(id.clone(), created, model.clone(), vec![choice]))
    };
    let (text, finish_reason, usage) = write_answer(&request.params, text, context, render).await?;
    let message = MessageView::new(Some(text), None, vec![]);
    let choice = Choice { index: 0, message, logprobs: None, finish_reason };
    Ok(json(&ChatCompletion::new(id, created, model, vec![choice], usage)).into())
}

pub(super) async fn complete(task: &Task, context: &Context) -> Result<Bytes, Failure> {
    let request =
        CompletionRequest::from_input(task.input, &context.input).map_err(|problem| invalid(&problem))?;
    let [Prompt::Text(text)] = request.prompts.as_slice() else {
        return Err(unsupported("several prompts or tokens"));
    };
    if request.logprobs.is_some() {
        return Err(unsupported("logprobs"));
    }
    let id = format!("cmpl-{}", task.job);
    let (created, model) = (created(task), request.params.model.to_string());
    let answer = |text: &str, finish_reason| {
        let choice = CompletionChoice { index: 0, text: text.to_owned(), logprobs: None, finish_reason };
        Completion::new(id.clone(), created, model.clone(), vec![choice])
    };
    let render = |part: StreamPart<'_>| match part {
        StreamPart::Text { text, .. } => json(&answer(text, None)),
        StreamPart::End(reason) => json(&answer("", Some(reason))),
        StreamPart::Usage(usage) => {
            let last = Completion::new(id.clone(), created, model.clone(), vec![]);
            json(&Completion { usage: Some(usage), ..last })
        }
    };
    let (text, finish_reason, usage) = write_answer(&request.params, text, context, render).await?;
    Ok(json(&Completion { usage: Some(usage), ..answer(&text, Some(finish_reason)) }).into())
}

/// One part of a streamed answer.
enum StreamPart<'a> {
    Text { first: bool, text: &'a str },
    End(FinishReason),
    Usage(TokenUsage),
}

/// Writes the text, a word at a time if the answer streams. Returns what was written.
async fn write_answer(
    params: &GenerationParams,
    text: &str,
    context: &Context,
    render: impl Fn(StreamPart<'_>) -> Vec<u8>,
) -> Result<(String, FinishReason, TokenUsage), Failure> {
    if params.n > 1 || params.format != Format::Text || !params.stop.is_empty() {
        return Err(unsupported("`n`, `response_format` and `stop`"));
    }
    let options = options::read(text.as_bytes())?;
    let all: Vec<String> = if options.frames > 0 {
        (0..options.frames).map(|number| format!("{number} ")).collect()
    } else {
        text.split_inclusive(' ').map(str::to_owned).collect()
    };
    let most = params.max_tokens.map_or(usize::MAX, |most| most as usize);
    let reason = if all.len() > most { FinishReason::Length } else { FinishReason::Stop };
    let words = &all[..all.len().min(most)];
    let usage = TokenUsage::new(all.len() as u64, words.len() as u64);
    options.delay().await;
    if let Streaming::Chunks { usage: tells } = params.streaming {
        let mut pacer = options.pacer();
        for (number, text) in words.iter().enumerate() {
            pacer.next().await;
            let stamp = (options.stamped && options.frames > 0).then(stamp);
            let text = stamp.as_deref().unwrap_or(text);
            send(context, render(StreamPart::Text { first: number == 0, text })).await;
        }
        send(context, render(StreamPart::End(reason))).await;
        if tells {
            send(context, render(StreamPart::Usage(usage))).await;
        }
        context.frames.send(Encoder::end()).await;
    }
    Ok((words.concat(), reason, usage))
}

async fn send(context: &Context, line: Vec<u8>) {
    context.frames.send(Encoder::lines(&[line])).await;
}

fn text_of(message: &Message) -> Option<&str> {
    match message {
        Message::System { content, .. } | Message::User { content, .. } | Message::Tool { content, .. } => {
            Some(content)
        }
        Message::Assistant { content, .. } => content.as_deref(),
    }
}

/// Returns the current time in microseconds since 1970.
fn stamp() -> String {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("{} ", since.as_micros())
}

/// Returns when the job was created, in seconds since 1970.
fn created(task: &Task) -> u64 {
    task.job.minted_at().as_millis() / 1000
}

fn json(document: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(document).expect("texts and numbers can be written as JSON")
}

fn invalid(problem: &Problem) -> Failure {
    let parameter = problem.param().map(str::to_owned);
    Failure { parameter, ..Failure::new(FailureKind::InvalidInput, problem.detail.as_str()) }
}

fn unsupported(what: &str) -> Failure {
    Failure::new(FailureKind::InvalidInput, format!("the echo engine does not support {what}"))
}
