//! The conversation.

use std::collections::BTreeSet;

use serde_json::value::RawValue;

use super::tools::MAX_TOOLS;
use crate::api::generation::hint;
use crate::api::parameters::{Parameters, wrong};
use crate::problem::Problem;

/// The most messages.
pub const MAX_MESSAGES: usize = 4096;

/// The most parts of one message's content.
const MAX_PARTS: usize = 256;
const MAX_NAME: usize = 64;
const MAX_CALL_ID: usize = 128;

/// One message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Message {
    /// What the model is told to be: `system`, or `developer` by its newer name.
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
        /// What was thought before the content.
        reasoning: Option<String>,
        calls: Vec<ToolCall>,
        name: Option<String>,
    },
    /// What a tool answered.
    Tool {
        content: String,
        /// Of a call before it.
        call_id: String,
        name: Option<String>,
    },
}

/// A call that the model made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ToolCall {
    pub id: String,
    pub name: String,
    /// JSON as the model wrote it, which need not be valid.
    pub arguments: String,
}

pub(super) fn take(parameters: &mut Parameters) -> Result<Vec<Message>, Problem> {
    let all: Vec<Box<RawValue>> = parameters.required("messages", "a list of messages")?;
    if all.is_empty() || all.len() > MAX_MESSAGES {
        return Err(wrong("messages", format!("`messages` has 1 to {MAX_MESSAGES} messages")));
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
            let call_id = call_id.filter(|id| calls.contains(id)).ok_or_else(|| {
                let detail = format!("`{}` is the id of a call before it", given.at("tool_call_id"));
                given.wrong("tool_call_id", detail)
            })?;
            Message::Tool { content, call_id, name }
        }
        "function" => {
            return Err(given.wrong("role", "the role `function` is not supported here: use `tool`"));
        }
        _ => return Err(given.wrong("role", format!("`{}` is {ROLES}", given.at("role")))),
    };
    given.none_left(hint)?;
    Ok(message)
}

fn assistant(given: &mut Parameters, name: Option<String>) -> Result<Message, Problem> {
    let content = content(given)?;
    let reasoning = given.optional("reasoning_content", "a text")?;
    let calls = calls(given)?;
    // Clients send back an answer as they got it.
    given.only::<Vec<Box<RawValue>>>("annotations", "empty", Vec::is_empty)?;
    if content.is_none() && calls.is_empty() {
        return Err(
            given.wrong("content", format!("`{}` lacks, and there are no `tool_calls`", given.at("content")))
        );
    }
    Ok(Message::Assistant { content, reasoning, calls, name })
}

fn text(given: &mut Parameters) -> Result<String, Problem> {
    content(given)?.ok_or_else(|| {
        given.wrong(
            "content",
            format!("`{}` lacks: it is a text or a list of text parts", given.at("content")),
        )
    })
}

/// A text, or text parts as lines of one. Nothing but text is understood.
fn content(given: &mut Parameters) -> Result<Option<String>, Problem> {
    let Some(raw) = given.raw("content") else { return Ok(None) };
    if let Ok(text) = serde_json::from_str(raw.get()) {
        return Ok(Some(text));
    }
    let parts: Vec<Box<RawValue>> = serde_json::from_str(raw.get()).unwrap_or_default();
    if parts.is_empty() || parts.len() > MAX_PARTS {
        let detail = format!("`{}` is a text or a list of 1 to {MAX_PARTS} text parts", given.at("content"));
        return Err(given.wrong("content", detail));
    }
    let place = given.at("content");
    let read = parts.iter().enumerate().map(|(index, raw)| {
        let mut part = Parameters::of(format!("{place}[{index}]"), raw)?;
        let kind: String = part.required("type", "`text`")?;
        if kind != "text" {
            let detail = format!("`{}` can only be `text`: models here read nothing else", part.at("type"));
            return Err(part.wrong("type", detail));
        }
        let text: String = part.required("text", "a text")?;
        part.none_left(|_| None)?;
        Ok(text)
    });
    Ok(Some(read.collect::<Result<Vec<_>, _>>()?.join("\n")))
}

fn calls(given: &mut Parameters) -> Result<Vec<ToolCall>, Problem> {
    let what = format!("a list of at most {MAX_TOOLS} calls");
    let all: Vec<Box<RawValue>> = given.optional("tool_calls", &what)?.unwrap_or_default();
    if all.len() > MAX_TOOLS {
        return Err(given.wrong("tool_calls", format!("`{}` is {what}", given.at("tool_calls"))));
    }
    let place = given.at("tool_calls");
    let read = all.iter().enumerate().map(|(index, raw)| {
        let mut call = Parameters::of(format!("{place}[{index}]"), raw)?;
        let id = short(&mut call, "id", MAX_CALL_ID)?;
        let id = id.ok_or_else(|| call.wrong("id", format!("`{}` lacks: it is a text", call.at("id"))))?;
        call.only::<String>("type", "`function`", |kind| kind == "function")?;
        let Some(mut function) = call.object("function")? else {
            let detail = format!("`{}` lacks: it is an object", call.at("function"));
            return Err(call.wrong("function", detail));
        };
        let name = function.required("name", "a text")?;
        let arguments = function.required("arguments", "JSON, as a text")?;
        function.none_left(|_| None)?;
        call.none_left(|_| None)?;
        Ok(ToolCall { id, name, arguments })
    });
    read.collect()
}

fn short(given: &mut Parameters, name: &str, most: usize) -> Result<Option<String>, Problem> {
    let text: Option<String> = given.optional(name, "a text")?;
    match text {
        Some(text) if text.is_empty() || text.len() > most => {
            Err(given.wrong(name, format!("`{}` has 1 to {most} bytes", given.at(name))))
        }
        text => Ok(text),
    }
}
