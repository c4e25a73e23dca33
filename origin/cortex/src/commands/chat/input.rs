//! What a typed line means.

/// A line of the conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ChatInput {
    Empty,
    /// For the model.
    Message(String),
    /// `/system [TEXT]`: what the model is told to be; without a text, nothing.
    System(String),
    /// `/model [NAME]`: another model, or which it is.
    Model(Option<String>),
    /// `/history`: what was said.
    History,
    /// `/clear`: nothing was said.
    Clear,
    /// `/help`.
    Help,
    Quit,
    Unknown(String),
}

pub(super) const HELP: &str = "/system [TEXT]  what the model is told to be
/model [NAME]   another model, or which it is
/history        what was said
/clear          begin anew
/quit           leave, as Ctrl-D does; Ctrl-C stops an answer
//TEXT          say something that begins with /";

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
    fn lines_are_for_the_model_unless_they_begin_with_a_slash() {
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
