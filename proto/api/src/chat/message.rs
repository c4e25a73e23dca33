//! The conversation.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

use serde::de::IgnoredAny;

use super::call::{self, MAX_CALL_ID, ToolCall};
use crate::generation::hint;
use crate::members;
use crate::parameters::Parameters;
use crate::problem::Problem;

/// Maximum number of messages.
pub const MAX_MESSAGES: usize = 4096;

/// Maximum number of parts of a message's content.
pub(crate) const MAX_PARTS: usize = 256;
pub(crate) const MAX_NAME: usize = 64;

/// One message.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Message {
    /// The instructions for the model: `system`, or its newer name `developer`.
    System {
        content: String,
        name: Option<String>,
    },
    User {
        content: String,
        name: Option<String>,
    },
    Assistant {
        /// Text, calls or both.
        content: Option<String>,
        /// The reasoning before the content.
        reasoning: Option<String>,
        calls: Vec<ToolCall>,
        name: Option<String>,
    },
    /// The result of a tool call.
    Tool {
        content: String,
        /// The id of an earlier tool call.
        call_id: String,
        name: Option<String>,
    },
}

pub(super) fn take(parameters: &mut Parameters) -> Result<Vec<Message>, Problem> {
    let what = format!("a list of 1 to {MAX_MESSAGES} messages");
    let all = parameters.list("messages", MAX_MESSAGES, &what)?;
    let all = all.ok_or_else(|| parameters.missing("messages", &what))?;
    if all.is_empty() {
        return Err(parameters.must_be("messages", &what));
    }
    let mut messages = Vec::with_capacity(all.len());
    let mut calls = BTreeSet::new();
    for (index, raw) in all.iter().enumerate() {
        let message = message(Parameters::of(format!("messages[{index}]"), raw)?, &calls)?;
        if let Message::Assistant { calls: made, .. } = &message {
            calls.extend(made.iter().map(|call| call.id.clone()));
        }
        messages.push(message);
    }
    Ok(messages)
}

fn message(mut given: Parameters, calls: &BTreeSet<String>) -> Result<Message, Problem> {
    const ROLES: &str = "`system`, `developer`, `user`, `assistant` or `tool`";
    let role: String = given.required("role", ROLES)?;
    let name = short(&mut given, "name", MAX_NAME)?;
    let message = match role.as_str() {
        "system" | "developer" => Message::System { content: text(&mut given)?, name },
        "user" => Message::User { content: text(&mut given)?, name },
        "assistant" => assistant(&mut given, name)?,
        "tool" => {
            let content = text(&mut given)?;
            let call_id = short(&mut given, "tool_call_id", MAX_CALL_ID)?;
            let call_id = call_id
                .filter(|id| calls.contains(id))
                .ok_or_else(|| given.must_be("tool_call_id", "the id of an earlier tool call"))?;
            Message::Tool { content, call_id, name }
        }
        "function" => {
            return Err(given.wrong("role", "the role `function` is not supported: use `tool`"));
        }
        _ => return Err(given.must_be("role", ROLES)),
    };
    given.none_left(hint)?;
    Ok(message)
}

/// Parses an assistant message as clients send it back. It may have the members that OpenAI's
/// clients add to an answer.
fn assistant(given: &mut Parameters, name: Option<String>) -> Result<Message, Problem> {
    // Streaming clients replace an empty answer with null.
    let empty = given.is_null("content").then(String::new);
    let content = content(given, Speaker::Assistant)?;
    let refusal: Option<String> = given.optional("refusal", "a string")?;
    let reasoning = given.optional("reasoning_content", "a string")?;
    let calls = call::take(given)?;
    // These members repeat the content.
    given.ignore("parsed");
    given.optional::<Vec<IgnoredAny>>("annotations", "a list")?;
    let content = match (content, refusal) {
        (Some(content), Some(refusal)) if !content.is_empty() => Some(format!("{content}\n{refusal}")),
        (_, Some(refusal)) => Some(refusal),
        (content, None) => content,
    };
    let content = content.or_else(|| empty.filter(|_| calls.is_empty()));
    if content.is_none() && reasoning.is_none() && calls.is_empty() {
        return Err(given.missing("content", "a string, unless the message has `tool_calls`"));
    }
    Ok(Message::Assistant { content, reasoning, calls, name })
}

fn text(given: &mut Parameters) -> Result<String, Problem> {
    content(given, Speaker::Other)?
        .ok_or_else(|| given.missing("content", "a string or a list of text parts"))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Speaker {
    /// Its parts may be refusals.
    Assistant,
    Other,
}

/// Parses a text, or text parts, which are joined as lines. Other parts are errors.
fn content(given: &mut Parameters, speaker: Speaker) -> Result<Option<String>, Problem> {
    let Some(raw) = given.raw("content") else { return Ok(None) };
    if let Ok(text) = serde_json::from_str(raw.get()) {
        return Ok(Some(text));
    }
    let parts = members::items(&raw, MAX_PARTS).unwrap_or_default();
    if parts.is_empty() {
        let what = format!("a string or a list of 1 to {MAX_PARTS} text parts");
        return Err(given.must_be("content", &what));
    }
    let place = given.at("content");
    let read = parts.iter().enumerate().map(|(index, raw)| {
        let mut part = Parameters::of(format!("{place}[{index}]"), raw)?;
        let kind: String = part.required("type", "`text`")?;
        let text = match kind.as_str() {
            "text" => part.required("text", "a string")?,
            "refusal" if speaker == Speaker::Assistant => part.required("refusal", "a string")?,
            _ => {
                let detail = format!(
                    "invalid `{}`: must be `text`, because the models read only text",
                    part.at("type")
                );
                return Err(part.wrong("type", detail));
            }
        };
        part.none_left(|_| None)?;
        Ok(text)
    });
    Ok(Some(read.collect::<Result<Vec<String>, _>>()?.join("\n")))
}

pub(super) fn short(given: &mut Parameters, name: &str, most: usize) -> Result<Option<String>, Problem> {
    let text: Option<String> = given.optional(name, "a string")?;
    match text {
        Some(text) if text.is_empty() || text.len() > most => {
            Err(given.wrong(name, format!("invalid `{}`: must have 1 to {most} bytes", given.at(name))))
        }
        text => Ok(text),
    }
}
