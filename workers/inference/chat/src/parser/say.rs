//! Emits parts, joined with the previous one if possible, and text to be read again.

use super::{Parser, Part, State};

impl Parser {
    pub(super) fn announce(&mut self, name: String) {
        self.out.push(Part::Call { index: self.count, name });
        self.count += 1;
    }

    pub(super) fn arguments(&mut self, delta: Option<String>) {
        let (index, Some(delta)) = (self.count - 1, delta) else { return };
        match self.out.last_mut() {
            Some(Part::Arguments { delta: last, .. }) => last.push_str(&delta),
            _ => self.out.push(Part::Arguments { index, delta }),
        }
    }

    pub(super) fn break_off(&mut self, rest: &str) {
        self.out.push(Part::Broken { index: self.count - 1 });
        self.after_call = false;
        self.state = State::Text;
        self.reread(rest);
    }

    pub(super) fn give_back(&mut self, shown: &str, raw: &str) {
        self.state = State::Text;
        self.text(shown);
        self.reread(raw);
    }

    pub(super) fn reread(&mut self, text: &str) {
        text.chars().rev().for_each(|c| self.again.push_front(c));
    }

    pub(super) fn text(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.after_call = false;
        match self.out.last_mut() {
            Some(Part::Text(last)) => last.push_str(text),
            _ => self.out.push(Part::Text(text.to_owned())),
        }
    }

    pub(super) fn thought(&mut self, text: &str) {
        match self.out.last_mut() {
            _ if text.is_empty() => {}
            Some(Part::Reasoning(last)) => last.push_str(text),
            _ => self.out.push(Part::Reasoning(text.to_owned())),
        }
    }
}
