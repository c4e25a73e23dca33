//! A conversation in the terminal.

use cortex_api::chat::ChatChunk;
use tokio::signal::ctrl_c;
use tokio::signal::unix::{SignalKind, signal};

use super::line::{HELP, Line};
use super::typing::Typing;
use crate::exit::{Exit, Failure};
use crate::output;
use cortex_client::{Api, CallError, ChatMessage, ChatRequest};

/// Reads lines and shows answers until `/quit` or Ctrl-D.
///
/// # Errors
/// If the terminal can't be read. An answer that fails is told, and the conversation goes on.
pub(super) async fn hold(api: &Api, request: ChatRequest, mut typing: Typing) -> Result<Exit, Failure> {
    let mut talk = Talk { request };
    // From now on Ctrl-C ends an answer, and between two prompts nothing.
    let _interrupts = signal(SignalKind::interrupt())?;
    output::note(&format!("{}: /help says what can be typed", talk.request.model));
    while let Some(line) = typing.line().await? {
        match Line::read(&line) {
            Line::Quit => break,
            Line::Say(text) => talk.say(api, text).await,
            line => output::note(&talk.obey(line)),
        }
    }
    Ok(Exit::Done)
}

/// What was said so far, and to whom.
struct Talk {
    request: ChatRequest,
}

impl Talk {
    /// Says something and shows the answer as it comes. Only what was answered, if only in part, is remembered.
    async fn say(&mut self, api: &Api, text: String) {
        let mut request = self.request.clone();
        request.messages.push(ChatMessage { role: "user", content: text });
        let mut answer = String::new();
        let told = tokio::select! {
            told = tell(api, &request, &mut answer) => told,
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
    fn obey(&mut self, line: Line) -> String {
        match line {
            Line::System(text) => {
                self.request.messages.retain(|said| said.role != "system");
                let told = if text.is_empty() { "told nothing" } else { "told" };
                if !text.is_empty() {
                    self.request.messages.insert(0, ChatMessage { role: "system", content: text });
                }
                told.to_owned()
            }
            Line::Model(Some(name)) => {
                self.request.model = name;
                format!("now {}", self.request.model)
            }
            Line::Model(None) => self.request.model.clone(),
            Line::History => {
                let lines =
                    self.request.messages.iter().map(|said| format!("{}: {}", said.role, said.content));
                lines.collect::<Vec<_>>().join("\n")
            }
            Line::Clear => {
                self.request.messages.retain(|said| said.role == "system");
                "nothing was said".to_owned()
            }
            Line::Unknown(name) => format!("there is no /{name}: /help says what there is"),
            Line::Nothing | Line::Help | Line::Say(_) | Line::Quit => HELP.to_owned(),
        }
    }
}

/// Shows an answer as it comes, while somebody reads, and keeps it.
pub(super) async fn tell(api: &Api, request: &ChatRequest, answer: &mut String) -> Result<(), CallError> {
    let mut answering = api.chat_stream(request).await?;
    let mut thoughts = Thoughts::default();
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
struct Thoughts {
    begun: bool,
}

impl Thoughts {
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
        let mut talk = Talk { request: ChatRequest { model: "a".into(), ..ChatRequest::default() } };
        talk.request.messages = vec![said("user", "hi"), said("assistant", "ho")];
        talk.obey(Line::System("be brief".into()));
        talk.obey(Line::System("be kind".into()));
        assert_eq!(talk.obey(Line::Model(Some("b".into()))), "now b");
        assert_eq!(talk.obey(Line::History), "system: be kind\nuser: hi\nassistant: ho");
        talk.obey(Line::Clear);
        assert_eq!(
            (talk.request.messages.clone(), talk.request.model.as_str()),
            (vec![said("system", "be kind")], "b")
        );
        talk.obey(Line::System(String::new()));
        assert_eq!(talk.request.messages, []);
    }
}
