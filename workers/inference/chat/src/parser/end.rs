//! Handles the end of an answer: held text is either text or the beginning of an unfinished call.

use super::{Calls, End, Parser, Part, Reading, State};

/// EndReason the answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EndReason {
    /// The model ended it.
    Ended,
    /// It reached its length limit.
    Cut,
}

impl Parser {
    /// Returns the held text and where the answer ended. An unfinished call is left out.
    pub fn finish(self) -> (Vec<Part>, End) {
        self.end(EndReason::Ended)
    }

    /// Like [`Parser::finish`], for an answer that was truncated. The possible beginning of a
    /// marker or of a call is left out too: it is unknown what it would have become, and readers
    /// don't want to see it.
    pub fn cut(self) -> (Vec<Part>, End) {
        self.end(EndReason::Cut)
    }

    fn end(mut self, why: EndReason) -> (Vec<Part>, End) {
        let mut end = End::Whole;
        loop {
            match std::mem::replace(&mut self.state, State::Text) {
                State::Call(Reading { announced: true, .. }) => end = End::Call { index: self.count - 1 },
                State::Call(reading) if self.is_call_begun(&reading, why) => {
                    end = End::Call { index: self.count };
                }
                State::Call(Reading { shown, raw, .. }) => self.give_back(&shown, &raw),
                State::List { .. } if !self.after_call && why == EndReason::Cut => {
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
                State::Program { .. } if why == EndReason::Cut => end = End::Call { index: self.count },
                State::Program { raw } => self.program(&raw),
            }
            if self.again.is_empty() && matches!(self.state, State::Text) && self.hold.is_empty() {
                return (self.out, end);
            }
            self.read_again();
        }
    }

    /// The held text, if it counts as text.
    fn held(&mut self, why: EndReason) -> Option<String> {
        let begins_marker = self.hold.begins_marker();
        let held = self.hold.take();
        (why == EndReason::Ended || !begins_marker).then_some(held)
    }

    /// Whether a call that hasn't been announced yet still counts as one, as far as it goes.
    fn is_call_begun(&self, reading: &Reading, why: EndReason) -> bool {
        let has_begun = !reading.raw.trim().is_empty();
        match (&self.calls, why) {
            // Without a marker, every object begins like a call.
            (Calls::Bare { .. }, EndReason::Ended) => reading.reader.name().is_some(),
            (Calls::Bare { .. }, EndReason::Cut) => reading.reader.may_become_call(&self.tools),
            (_, EndReason::Ended) => has_begun,
            (_, EndReason::Cut) => true,
        }
    }
}
