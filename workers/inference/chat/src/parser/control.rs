//! Handles control tokens and the text after Llama's tag.

use super::{Parser, Part, State, python};

impl Parser {
    pub(super) fn control(&mut self, token: &str) {
        let opens = self.calls.open().is_some_and(|open| open.text == token);
        let closes = self.calls.close().is_some_and(|close| close.text == token);
        let (thinks, thought) = self.reasoning.as_ref().map_or((false, false), |reasoning| {
            (reasoning.open.text == token, reasoning.close.text == token)
        });
        match std::mem::replace(&mut self.state, State::Text) {
            State::Start { reasoned: false, .. } if thinks && self.hold.is_empty() => {
                self.state = State::Reasoning { begun: false };
            }
            State::Start { space, .. } if opens && self.hold.is_empty() => self.open_calls(space, false),
            State::Start { space, reasoned } if self.hold.is_empty() => {
                self.state = State::Start { space, reasoned };
            }
            State::Start { space, .. } => {
                let held = space + &self.hold.take();
                self.text(&held);
                self.control(token);
            }
            State::Text => {
                let held = self.hold.take();
                if opens && held.trim_matches('\n').is_empty() {
                    return self.open_calls(held, false);
                }
                self.text(&held);
                if opens {
                    self.open_calls(String::new(), false);
                }
            }
            State::Reasoning { .. } if thought => {
                let held = self.hold.take();
                self.thought(held.trim_end_matches('\n'));
                self.state = State::Start { space: String::new(), reasoned: true };
            }
            State::Reasoning { begun } => {
                let held = self.hold.take();
                self.thought(&held);
                self.state = State::Reasoning { begun: begun || !held.is_empty() };
            }
            State::After { raw, .. } if opens => self.open_calls(raw, false),
            State::After { .. } if closes => {}
            state => self.state = state,
        }
    }

    /// Handles the text after Llama's tag at the end of the answer.
    pub(super) fn program(&mut self, raw: &str) {
        let offered = |name: &str| self.tools.iter().any(|tool| tool == name);
        let call = match python::call(raw) {
            Some(call) if offered(&call.0) => Some(call),
            _ if offered("code_interpreter") && !raw.trim().is_empty() => {
                Some(("code_interpreter".to_owned(), serde_json::json!({ "code": raw }).to_string()))
            }
            _ => None,
        };
        match call {
            Some((name, arguments)) => {
                self.announce(name);
                self.arguments(Some(arguments));
                self.out.push(Part::Called { index: self.count - 1 });
            }
            None => self.text(raw),
        }
    }
}
