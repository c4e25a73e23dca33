//! The end of an answer: what was held back is text, or the beginning of a call that never came.

use super::{Calls, End, Parser, Part, Reading, State};

/// Why nothing more comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// The model ended the answer.
    Ended,
    /// It was as long as it may be.
    Cut,
}

impl Parser {
    /// Says what was held back, and in what the answer ended. A call that was begun and not finished is left out.
    pub fn finish(self) -> (Vec<Part>, End) {
        self.end(Why::Ended)
    }

    /// [`Parser::finish`] for an answer that was cut in the middle. What may be the beginning of a marker or of a call
    /// is left out too: nobody knows what it would have become, and no reader wants to see it.
    pub fn cut(self) -> (Vec<Part>, End) {
        self.end(Why::Cut)
    }

    fn end(mut self, why: Why) -> (Vec<Part>, End) {
        let mut end = End::Whole;
        loop {
            match std::mem::replace(&mut self.state, State::Text) {
                State::Call(Reading { announced: true, .. }) => end = End::Call { index: self.count - 1 },
                State::Call(reading) if self.is_call_begun(&reading, why) => {
                    end = End::Call { index: self.count };
                }
                State::Call(Reading { shown, raw, .. }) => self.give_back(&shown, &raw),
                State::List { .. } if !self.after_call && why == Why::Cut => {
                    end = End::Call { index: self.count };
                }
                State::List { shown, raw, .. } if !self.after_call => self.give_back(&shown, &raw),
                State::List { .. } | State::After { .. } => {}
                State::Start { space, .. } => {
                    if let Some(held) = self.held(why) {
                        self.text(&(space + &held));
                    }
                }
                State::Text => {
                    let held = self.held(why).unwrap_or_default();
                    if !(self.after_call && held.trim_matches('\n').is_empty()) {
                        self.text(&held);
                    }
                }
                State::Reasoning { .. } => {
                    let held = self.held(why).unwrap_or_default();
                    self.thought(held.trim_end_matches('\n'));
                    end = End::Reasoning;
                }
                State::Program { .. } if why == Why::Cut => end = End::Call { index: self.count },
                State::Program { raw } => self.program(&raw),
            }
            if self.again.is_empty() && matches!(self.state, State::Text) && self.hold.is_empty() {
                return (self.out, end);
            }
            self.settle();
        }
    }

    /// What is held back, if it counts as text.
    fn held(&mut self, why: Why) -> Option<String> {
        let begins_marker = self.hold.begins_marker();
        let held = self.hold.take();
        (why == Why::Ended || !begins_marker).then_some(held)
    }

    /// Whether what has not been announced is a call all the same, as far as it goes.
    fn is_call_begun(&self, reading: &Reading, why: Why) -> bool {
        let has_begun = !reading.raw.trim().is_empty();
        match (&self.calls, why) {
            // Without a marker any object begins like a call.
            (Calls::Bare { .. }, Why::Ended) => reading.reader.name().is_some(),
            (Calls::Bare { .. }, Why::Cut) => reading.reader.may_become_call(&self.tools),
            (_, Why::Ended) => has_begun,
            (_, Why::Cut) => true,
        }
    }
}
