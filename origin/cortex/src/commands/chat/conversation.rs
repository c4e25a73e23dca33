//! A conversation in the terminal.

use cortex_api::chat::ChatChunk;
use tokio::signal::ctrl_c;
use tokio::signal::unix::{SignalKind, signal};

use super::editor::LineEditor;
use super::input::{ChatInput, HELP};
use crate::exit::{Exit, Failure};
use crate::output;
use cortex_client::{Api, CallError, ChatMessage, ChatRequest};

/// Reads lines and shows answers until `/quit` or Ctrl-D.
///
/// # Errors
/// If the terminal can't be read. An answer that fails is told, and the conversation goes on.
pub(super) async fn run(api: &Api, request: ChatRequest, mut editor: LineEditor) -> Result<Exit, Failure> {
    let mut conversation = Conversation { request };
    // From now on Ctrl-C ends an answer, and between two prompts nothing.
    let _interrupts = signal(SignalKind::interrupt())?;
    output::note(&format!("{}: /help says what can be typed", conversation.request.model));
    while let Some(line) = editor.read_line().await? {
        match ChatInput::read(&line) {
            ChatInput::Quit => break,
            ChatInput::Message(text) => conversation.send(api, text).await,
            line => output::note(&conversation.apply(line)),
        }
    }
    Ok(Exit::Done)
}

/// What was said so far, and to whom.
struct Conversation {
    request: ChatRequest,
}

impl Conversation {
    /// Says something and shows the answer as it comes. Only what was answered, if only in part, is remembered.
    async fn send(&mut self, api: &Api, text: String) {
        let mut request = self.request.clone();
        request.messages.push(ChatMessage { role: "user", content: text });
        let mut answer = String::new();
        let told = tokio::select! {
            told = stream_answer(api, &request, &mut answer) => told,
            _ = ctrl_c() => Ok(()),
        };
        output::piece("\n");
        if let Err(error) = told {
            output::note(&error.to_string());
        }
        if !answer.is_empty() {
            request.messages.push(ChatMessage { role: "assistant", content: answer });
            self.request = request;
        }
    }

    /// Does what a line asks for that is not for the model; gives what to tell.
    fn apply(&mut self, line: ChatInput) -> String {
        match line {
            ChatInput::System(text) => {
                self.request.messages.retain(|said| said.role != "system");
                let told = if text.is_empty() { "told nothing" } else { "told" };
                if !text.is_empty() {
                    self.request.messages.insert(0, ChatMessage { role: "system", content: text });
                }
                told.to_owned()
            }
            ChatInput::Model(Some(name)) => {
                self.request.model = name;
                format!("now {}", self.request.model)
            }
            ChatInput::Model(None) => self.request.model.clone(),
            ChatInput::History => {
                let lines =
                    self.request.messages.iter().map(|said| format!("{}: {}", said.role, said.content));
                lines.collect::<Vec<_>>().join("\n")
            }
            ChatInput::Clear => {
                self.request.messages.retain(|said| said.role == "system");
                "nothing was said".to_owned()
            }
            ChatInput::Unknown(name) => format!("there is no /{name}: /help says what there is"),
            ChatInput::Empty | ChatInput::Help | ChatInput::Message(_) | ChatInput::Quit => HELP.to_owned(),
        }
    }
}

/// Shows an answer as it comes, while somebody reads, and keeps it.
pub(super) async fn stream_answer(
    api: &Api,
    request: &ChatRequest,
    answer: &mut String,
) -> Result<(), CallError> {
    let mut answering = api.chat_stream(request).await?;
    let mut thoughts = ReasoningDisplay::default();
    while let Some(chunk) = answering.next().await? {
        let text = text(&chunk);
        thoughts.show(&chunk, &text);
        answer.push_str(&text);
        if !output::piece(&text) {
            break;
        }
    }
    Ok(())
}

/// What a model thinks before it answers, shown apart from the answer.
#[derive(Debug, Default)]
struct ReasoningDisplay {
    begun: bool,
}

impl ReasoningDisplay {
    /// Shows a chunk's thoughts, and ends them where its `text` of the answer begins.
    fn show(&mut self, chunk: &ChatChunk, text: &str) {
        let thought = thought(chunk);
        if !thought.is_empty() {
            self.begun = true;
            output::thought(&thought);
        }
        if self.begun && !text.is_empty() {
            self.begun = false;
            output::thought("\n\n");
        }
    }
}

fn thought(chunk: &ChatChunk) -> String {
    chunk.choices.iter().filter_map(|choice| choice.delta.reasoning_content.as_deref()).collect()
}

/// What a chunk adds to the answer.
fn text(chunk: &ChatChunk) -> String {
    chunk.choices.iter().filter_map(|choice| choice.delta.content.as_deref()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_change_whom_is_spoken_to_and_what_is_remembered() {
        let said = |role, text: &str| ChatMessage { role, content: text.into() };
        let mut conversation =
            Conversation { request: ChatRequest { model: "a".into(), ..ChatRequest::default() } };
        conversation.request.messages = vec![said("user", "hi"), said("assistant", "ho")];
        conversation.apply(ChatInput::System("be brief".into()));
        conversation.apply(ChatInput::System("be kind".into()));
        assert_eq!(conversation.apply(ChatInput::Model(Some("b".into()))), "now b");
        assert_eq!(conversation.apply(ChatInput::History), "system: be kind\nuser: hi\nassistant: ho");
        conversation.apply(ChatInput::Clear);
        assert_eq!(
            (conversation.request.messages.clone(), conversation.request.model.as_str()),
            (vec![said("system", "be kind")], "b")
        );
        conversation.apply(ChatInput::System(String::new()));
        assert_eq!(conversation.request.messages, []);
    }
}
