//! Parses the lines of a conversation.

/// A line of the conversation: a message or a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ChatInput {
    Empty,
    /// A message for the model.
    Message(String),
    /// `/system [TEXT]`: sets the system prompt, or removes it.
    System(String),
    /// `/model [NAME]`: switches to another model, or shows the current one.
    Model(Option<String>),
    /// `/history`: shows the messages so far.
    History,
    /// `/clear`: forgets the messages so far.
    Clear,
    /// `/help`.
    Help,
    Quit,
    Unknown(String),
}

pub(super) const HELP: &str = "/system [TEXT]  set the system prompt, or remove it
/model [NAME]   switch to another model, or show the current one
/history        show the messages so far
/clear          start a new conversation
/quit           leave, as Ctrl-D does; Ctrl-C stops an answer
//TEXT          send a message that starts with /";

impl ChatInput {
    pub(super) fn read(text: &str) -> Self {
        let text = text.trim();
        let Some(command) = text.strip_prefix('/') else {
            return if text.is_empty() { Self::Empty } else { Self::Message(text.to_owned()) };
        };
        if command.starts_with('/') {
            return Self::Message(command.to_owned());
        }
        let (name, rest) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
        let rest = rest.trim();
        match name {
            "system" => Self::System(rest.to_owned()),
            "model" => Self::Model((!rest.is_empty()).then(|| rest.to_owned())),
            "history" => Self::History,
            "clear" => Self::Clear,
            "help" | "?" => Self::Help,
            "quit" | "exit" | "bye" => Self::Quit,
            _ => Self::Unknown(name.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_message_unless_it_starts_with_a_slash() {
        for (text, line) in [
            ("", ChatInput::Empty),
            ("  \n", ChatInput::Empty),
            ("hi there\n", ChatInput::Message("hi there".into())),
            ("//etc is a folder", ChatInput::Message("/etc is a folder".into())),
            ("/system  be brief ", ChatInput::System("be brief".into())),
            ("/system", ChatInput::System(String::new())),
            ("/model", ChatInput::Model(None)),
            ("/model a/b", ChatInput::Model(Some("a/b".into()))),
            ("/quit", ChatInput::Quit),
            ("/dance", ChatInput::Unknown("dance".into())),
        ] {
            assert_eq!(ChatInput::read(text), line, "{text:?}");
        }
    }
}
