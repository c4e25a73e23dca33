//! A conversation in the terminal.

use cortex_api::chat::ChatChunk;
use cortex_client::{Api, ChatMessage, ChatRequest};
use tokio::signal::ctrl_c;
use tokio::signal::unix::{SignalKind, signal};

use super::editor::LineEditor;
use super::input::{ChatInput, HELP};
use crate::exit::{Exit, Failure};
use crate::output;

/// Reads lines and prints answers until `/quit` or Ctrl-D. After an answer that fails the
/// conversation goes on.
///
/// # Errors
/// Returns an error if the terminal can't be read or standard output can't be written.
pub(super) async fn run(api: &Api, request: ChatRequest, mut editor: LineEditor) -> Result<Exit, Failure> {
    let mut conversation = Conversation { request };
    // From now on Ctrl-C stops an answer, and does nothing between two prompts.
    let _interrupts = signal(SignalKind::interrupt())?;
    output::note(&format!("{}: type /help for the commands", conversation.request.model));
    while let Some(line) = editor.read_line().await? {
        match ChatInput::read(&line) {
            ChatInput::Quit => break,
            ChatInput::Message(text) => conversation.send(api, text).await?,
            line => output::note(&conversation.apply(line)),
        }
    }
    Ok(Exit::Done)
}

/// The messages so far, and the model.
struct Conversation {
    request: ChatRequest,
}

impl Conversation {
    /// Sends a message and prints the answer as it arrives. The conversation keeps both, also if
    /// only a part of the answer has arrived.
    async fn send(&mut self, api: &Api, text: String) -> Result<(), Failure> {
        let mut request = self.request.clone();
        request.messages.push(ChatMessage { role: "user", content: text });
        let mut answer = String::new();
        let ended = tokio::select! {
            ended = stream_answer(api, &request, &mut answer) => ended,
            _ = ctrl_c() => Ok(()),
        };
        output::print("")?;
        if let Err(failure) = ended {
            output::report(&failure);
        }
        if !answer.is_empty() {
            request.messages.push(ChatMessage { role: "assistant", content: answer });
            self.request = request;
        }
        Ok(())
    }

    /// Executes a command and returns the message for the user.
    fn apply(&mut self, line: ChatInput) -> String {
        match line {
            ChatInput::System(text) => {
                self.request.messages.retain(|message| message.role != "system");
                if text.is_empty() {
                    return "system prompt removed".to_owned();
                }
                self.request.messages.insert(0, ChatMessage { role: "system", content: text });
                "system prompt set".to_owned()
            }
            ChatInput::Model(Some(name)) => {
                self.request.model = name;
                format!("model: {}", self.request.model)
            }
            ChatInput::Model(None) => format!("model: {}", self.request.model),
            ChatInput::History => {
                let messages = self.request.messages.iter();
                let lines = messages.map(|message| format!("{}: {}", message.role, message.content));
                lines.collect::<Vec<_>>().join("\n")
            }
            ChatInput::Clear => {
                self.request.messages.retain(|message| message.role == "system");
                "new conversation".to_owned()
            }
            ChatInput::Unknown(name) => format!("unknown command /{name}: type /help for the commands"),
            ChatInput::Empty | ChatInput::Help | ChatInput::Message(_) | ChatInput::Quit => HELP.to_owned(),
        }
    }
}

/// Prints an answer as it arrives and appends it to `answer`. Stops the model when the reader has
/// closed the pipe.
pub(super) async fn stream_answer(
    api: &Api,
    request: &ChatRequest,
    answer: &mut String,
) -> Result<(), Failure> {
    let mut stream = api.chat_stream(request).await?;
    let mut reasoning = ReasoningDisplay::default();
    while let Some(chunk) = stream.next().await? {
        let text = content(&chunk);
        reasoning.show(&chunk, &text);
        answer.push_str(&text);
        if !output::print_part(&text)? {
            break;
        }
    }
    Ok(())
}

/// Shows the reasoning of a model before its answer.
#[derive(Debug, Default)]
struct ReasoningDisplay {
    started: bool,
}

impl ReasoningDisplay {
    /// Shows the reasoning in a chunk, and ends it where the `text` of the answer starts.
    fn show(&mut self, chunk: &ChatChunk, text: &str) {
        let reasoning = reasoning(chunk);
        if !reasoning.is_empty() {
            self.started = true;
            output::show_reasoning(&reasoning);
        }
        if self.started && !text.is_empty() {
            self.started = false;
            output::show_reasoning("\n\n");
        }
    }
}

fn reasoning(chunk: &ChatChunk) -> String {
    chunk.choices.iter().filter_map(|choice| choice.delta.reasoning_content.as_deref()).collect()
}

fn content(chunk: &ChatChunk) -> String {
    chunk.choices.iter().filter_map(|choice| choice.delta.content.as_deref()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_change_the_model_and_the_messages() {
        let message = |role, text: &str| ChatMessage { role, content: text.into() };
        let mut conversation =
            Conversation { request: ChatRequest { model: "a".into(), ..ChatRequest::default() } };
        conversation.request.messages = vec![message("user", "hi"), message("assistant", "ho")];
        conversation.apply(ChatInput::System("be brief".into()));
        conversation.apply(ChatInput::System("be kind".into()));
        assert_eq!(conversation.apply(ChatInput::Model(Some("b".into()))), "model: b");
        assert_eq!(conversation.apply(ChatInput::History), "system: be kind\nuser: hi\nassistant: ho");
        conversation.apply(ChatInput::Clear);
        assert_eq!(
            (conversation.request.messages.clone(), conversation.request.model.as_str()),
            (vec![message("system", "be kind")], "b")
        );
        conversation.apply(ChatInput::System(String::new()));
        assert_eq!(conversation.request.messages, []);
    }
}
