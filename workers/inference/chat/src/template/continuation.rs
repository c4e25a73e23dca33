//! Prompts that end inside the last message: we render the complete prompt with a mark after the
//! content, then truncate it at the mark.

use minijinja::value::{Serde, Value};

use super::RenderError;
use super::strings::{self, Ends};
use crate::{Content, Conversation};

const CONTINUATION_MARK: &str = "CONTINUE_FINAL_MESSAGE_TAG ";

/// The messages with the mark in the last one, and that message's text.
pub(super) fn mark(conversation: &Conversation, source: &str) -> Result<(Value, String), RenderError> {
    let mut marked = conversation.clone();
    let last =
        marked.messages.last_mut().ok_or(RenderError::NotContinued("the conversation has no messages"))?;
    let content = last.content.as_mut().ok_or(RenderError::NotContinued("it has no content"))?;
    if !source.contains("content") {
        return Err(RenderError::NotContinued("the chat template prints no content"));
    }
    let text = match content {
        Content::Text(text) => text,
        Content::Parts(parts) => {
            &mut parts.last_mut().ok_or(RenderError::NotContinued("its content has no text"))?.text
        }
    };
    let before = text.clone();
    text.push_str(CONTINUATION_MARK);
    Ok((Value::from(Serde(&marked)), before))
}

/// Truncates at the mark, and before any whitespace that the template stripped from the end of the
/// message.
pub(super) fn cut(mut rendered: String, last: &str) -> Result<String, RenderError> {
    let gone = RenderError::NotContinued("the chat template changes its content");
    if !rendered.contains(strings::strip(last, None, Ends::Both)) {
        return Err(gone);
    }
    let at = rendered.rfind(CONTINUATION_MARK.trim_end()).ok_or(gone)?;
    let kept = rendered[at..].starts_with(CONTINUATION_MARK);
    rendered.truncate(at);
    if !kept {
        rendered.truncate(strings::strip(&rendered, None, Ends::Right).len());
    }
    Ok(rendered)
}

/// Copies reasoning to its other name: some templates read `thinking`.
pub(super) fn alias_reasoning(messages: Value) -> Value {
    let Ok(all) = messages.try_iter() else { return messages };
    all.map(|message| match message.get_attr("reasoning_content") {
        Ok(reasoning) if !reasoning.is_undefined() => {
            let first = [(Value::from("thinking"), reasoning)];
            Value::from_pairs(first.into_iter().chain(super::python::pairs(&message)))
        }
        _ => message,
    })
    .collect::<Vec<Value>>()
    .into()
}
