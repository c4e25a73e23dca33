use std::collections::VecDeque;

use crate::syntax::{Calls, Marker, Reasoning, Syntax};

mod call;
mod control;
mod end;
mod hold;
mod json;
mod part;
mod python;
mod say;

use call::CallReader;
use hold::{Held, Hold};
pub use part::{End, Part};

/// Splits a model's answer into parts while it streams. The way the text is split into chunks
/// doesn't affect the parts, once adjacent ones are joined.
///
/// Only calls of tools that were offered count as calls. Text that begins like a call but isn't one
/// is returned as text in full, so it is held back until the tool's name is known. From then on the
/// arguments stream.
#[derive(Clone, Debug)]
pub struct Parser {
    reasoning: Option<Reasoning>,
    calls: Calls,
    tools: Vec<String>,
    state: State,
    hold: Hold,
    /// Characters to be read again as text.
    again: VecDeque<char>,
    /// Calls announced so far.
    count: usize,
    /// Whether the last part was a call, with no text since.
    after_call: bool,
    out: Vec<Part>,
}

#[derive(Clone, Debug)]
enum State {
    /// Only whitespace so far; after reasoning, only line breaks so far.
    Start {
        space: String,
        reasoned: bool,
    },
    Text,
    Reasoning {
        begun: bool,
    },
    /// Inside the brackets of a list of calls, between two calls.
    List {
        wants: ListState,
        shown: String,
        raw: String,
    },
    Call(Reading),
    /// After a call, if the form says what may follow: the text read since, and where whitespace
    /// ends in it.
    After {
        raw: String,
        start: usize,
    },
    /// After Llama's tag.
    Program {
        raw: String,
    },
}

#[derive(Clone, Copy, Debug)]
enum ListState {
    Bracket,
    CallOrEnd,
    Call,
    CommaOrEnd,
}

/// A possible call.
#[derive(Clone, Debug)]
struct Reading {
    reader: CallReader,
    announced: bool,
    /// The text to return if it isn't a call: line breaks and the marker.
    shown: String,
    /// The text to read again in that case.
    raw: String,
}

impl Reading {
    fn new(shown: String) -> Self {
        Self { reader: CallReader::new(), announced: false, shown, raw: String::new() }
    }
}

/// How much text of a possible call is held back, in bytes.
const MAX_HELD: usize = 256 << 10;
/// How much whitespace is held back at the start in case a marker follows.
const MAX_LEADING_SPACE: usize = 64;

impl Parser {
    /// Creates a parser for one answer. `tools` are the names of the tools that may be called;
    /// `in_reasoning` says that the prompt already opened the reasoning
    /// ([`Syntax::opens_reasoning`]). To continue a message, push its content first and drop the
    /// resulting parts.
    pub fn new(syntax: &Syntax, tools: impl IntoIterator<Item = String>, in_reasoning: bool) -> Self {
        let tools: Vec<String> = tools.into_iter().collect();
        let state = match in_reasoning && syntax.reasoning.is_some() {
            true => State::Reasoning { begun: false },
            false => State::Start { space: String::new(), reasoned: false },
        };
        Self {
            reasoning: syntax.reasoning.clone(),
            calls: if tools.is_empty() { Calls::None } else { syntax.calls.clone() },
            tools,
            state,
            hold: Hold::default(),
            again: VecDeque::new(),
            count: 0,
            after_call: false,
            out: Vec::new(),
        }
    }

    /// Reads text.
    pub fn push(&mut self, text: &str) -> Vec<Part> {
        for c in text.chars() {
            self.read(c);
            self.read_again();
        }
        std::mem::take(&mut self.out)
    }

    /// Reads a control token, given by its text. A token without a meaning here adds nothing.
    pub fn special(&mut self, token: &str) -> Vec<Part> {
        match std::mem::replace(&mut self.state, State::Text) {
            State::Call(reading) if reading.announced => self.break_off(""),
            State::Call(Reading { shown, raw, .. }) | State::List { shown, raw, .. } => {
                self.give_back(&shown, &raw);
            }
            state => self.state = state,
        }
        self.read_again();
        self.control(token);
        std::mem::take(&mut self.out)
    }

    fn read_again(&mut self) {
        while let Some(c) = self.again.pop_front() {
            self.read(c);
        }
    }

    fn read(&mut self, c: char) {
        match std::mem::replace(&mut self.state, State::Text) {
            State::Start { space, reasoned } => self.read_start(c, space, reasoned),
            State::Text => self.read_text(c),
            State::Reasoning { begun } => self.read_reasoning(c, begun),
            State::List { wants, shown, raw } => self.read_list(c, wants, shown, raw),
            State::Call(reading) => self.read_call(c, reading),
            State::After { raw, start } => self.read_after(c, raw, start),
            State::Program { mut raw } => {
                if c == '{' && raw.trim().is_empty() {
                    self.begin_object(raw);
                } else {
                    raw.push(c);
                    self.state = State::Program { raw };
                }
            }
        }
    }

    fn read_start(&mut self, c: char, mut space: String, reasoned: bool) {
        if self.hold.is_empty() {
            if c == '{' && matches!(self.calls, Calls::Bare { .. }) {
                return self.begin_object(space);
            }
            if c.is_whitespace() {
                if !(reasoned && c == '\n' && space.is_empty()) {
                    space.push(c);
                }
                if space.len() > MAX_LEADING_SPACE {
                    return self.text(&space);
                }
                self.state = State::Start { space, reasoned };
                return;
            }
        }
        let thought = self.reasoning.as_ref().map(|reasoning| &reasoning.open).filter(|_| !reasoned);
        match self.hold.push(c, &[spelled(thought), spelled(self.calls.open())]) {
            Held::More => self.state = State::Start { space, reasoned },
            Held::Marker { which: 0, .. } => self.state = State::Reasoning { begun: false },
            Held::Marker { .. } => self.open_calls(space, true),
            Held::Text(text) => {
                // The held text may begin a marker that only counts at the start.
                let rest = self.hold.take();
                self.text(&space);
                self.text(&text);
                self.reread(&rest);
            }
        }
    }

    fn read_text(&mut self, c: char) {
        let marker = spelled(self.calls.open());
        if marker.is_empty() {
            let held = self.hold.take();
            self.text(&held);
            return self.text(c.encode_utf8(&mut [0; 4]));
        }
        match self.hold.push(c, &[marker]) {
            Held::More => {}
            Held::Marker { breaks, .. } => self.open_calls("\n".repeat(breaks), true),
            Held::Text(text) => self.text(&text),
        }
    }

    fn read_reasoning(&mut self, c: char, begun: bool) {
        self.state = State::Reasoning { begun };
        if !begun && c == '\n' && self.hold.is_empty() {
            return;
        }
        let reasoning = self.reasoning.as_ref();
        // Some models reopen the reasoning that the prompt already opened.
        let open = reasoning.map(|reasoning| &reasoning.open).filter(|_| !begun);
        match self.hold.push(c, &[spelled(reasoning.map(|reasoning| &reasoning.close)), spelled(open)]) {
            Held::More | Held::Marker { which: 1.., .. } => {}
            Held::Marker { .. } => self.state = State::Start { space: String::new(), reasoned: true },
            Held::Text(text) => {
                self.thought(&text);
                self.state = State::Reasoning { begun: true };
            }
        }
    }

    /// Handles text before the next marker, or calls: the marker that opens calls was read.
    fn open_calls(&mut self, mut shown: String, as_text: bool) {
        if let Some(marker) = self.calls.open().filter(|_| as_text) {
            shown.push_str(&marker.text);
        }
        self.state = match &self.calls {
            Calls::None => State::Text,
            Calls::Tagged { .. } => State::Call(Reading::new(shown)),
            Calls::Listed { .. } => State::List { wants: ListState::Bracket, shown, raw: String::new() },
            Calls::Bare { .. } => State::Program { raw: String::new() },
        };
    }

    fn read_list(&mut self, c: char, wants: ListState, shown: String, mut raw: String) {
        let next = match (wants, c) {
            (_, c) if c.is_whitespace() => wants,
            (ListState::Bracket, '[') => ListState::CallOrEnd,
            (ListState::CallOrEnd | ListState::Call, '{') => {
                let mut reading = Reading::new(shown);
                reading.raw = raw;
                return self.read_call(c, reading);
            }
            (ListState::CommaOrEnd, ',') => ListState::Call,
            (ListState::CallOrEnd | ListState::CommaOrEnd, ']') => return,
            _ => {
                raw.push(c);
                return self.give_back(&shown, &raw);
            }
        };
        raw.push(c);
        self.state = State::List { wants: next, shown, raw };
    }

    /// Handles a call without a marker, after its opening brace.
    fn begin_object(&mut self, shown: String) {
        self.read_call('{', Reading::new(shown));
    }

    fn read_call(&mut self, c: char, mut reading: Reading) {
        if !reading.announced {
            reading.raw.push(c);
        }
        let Ok(done) = reading.reader.push(c) else {
            return match reading.announced {
                true => self.break_off(c.encode_utf8(&mut [0; 4])),
                false => self.give_back(&reading.shown, &reading.raw),
            };
        };
        if !reading.announced {
            // Only a marker distinguishes a call without arguments from any other object.
            let marked = !matches!(self.calls, Calls::Bare { .. });
            match reading.reader.name() {
                Some(name) if !self.tools.iter().any(|tool| tool == name) => {
                    return self.give_back(&reading.shown, &reading.raw);
                }
                Some(name) if reading.reader.has_arguments() || (done && marked) => {
                    self.announce(name.to_owned());
                    reading.announced = true;
                }
                _ if done || reading.raw.len() > MAX_HELD => {
                    return self.give_back(&reading.shown, &reading.raw);
                }
                _ => {}
            }
        }
        if reading.announced {
            let none = done && !reading.reader.has_arguments();
            self.arguments(reading.reader.take_arguments().or(none.then(|| "{}".to_owned())));
        }
        self.state = if done { self.called() } else { State::Call(reading) };
    }

    fn called(&mut self) -> State {
        self.out.push(Part::Called { index: self.count - 1 });
        self.after_call = true;
        match self.calls {
            Calls::Listed { .. } => {
                State::List { wants: ListState::CommaOrEnd, shown: String::new(), raw: String::new() }
            }
            _ => State::After { raw: String::new(), start: 0 },
        }
    }

    fn read_after(&mut self, c: char, mut raw: String, mut start: usize) {
        let bare = matches!(self.calls, Calls::Bare { .. });
        if bare && c == '{' {
            return self.begin_object(raw);
        }
        raw.push(c);
        if raw.len() == start + c.len_utf8() && (c.is_whitespace() || (bare && c == ';')) {
            start = raw.len();
        }
        let close = spelled(self.calls.close());
        match &raw[start..] {
            "" => {}
            tail if tail == close => return,
            tail if close.starts_with(tail) => {}
            _ => return self.reread(&raw),
        }
        self.state = State::After { raw, start };
    }
}

/// A marker's text if it counts as text.
fn spelled(marker: Option<&Marker>) -> &str {
    marker.filter(|marker| !marker.special).map_or("", |marker| &marker.text)
}
