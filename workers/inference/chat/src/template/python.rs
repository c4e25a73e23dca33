//! Formats values as Python does: `str`, `repr` and `json.dumps`.

use minijinja::value::{Kwargs, Rest, Value, ValueKind};
use minijinja::{Error, ErrorKind, State};

use super::budget::{self, LimitExceeded};

/// `str(value)`.
pub(super) fn text(state: &mut State, value: &Value) -> Result<String, Error> {
    if let Some(text) = value.as_str() {
        budget::make(state, text.len())?;
        return Ok(text.to_owned());
    }
    let mut page = LimitedText::new(state);
    match value.kind() {
        ValueKind::Undefined => {}
        _ => page.repr(value, 0)?,
    }
    let text = page.text;
    budget::make(state, text.len())?;
    Ok(text)
}

/// `json.dumps` with Hugging Face's defaults: text isn't escaped to ASCII, and keys keep their
/// order.
pub(super) fn tojson(
    state: &mut State,
    value: &Value,
    positional: Rest<Value>,
    named: Kwargs,
) -> Result<String, Error> {
    const NAMES: [&str; 4] = ["ensure_ascii", "indent", "separators", "sort_keys"];
    let mut given: [Option<Value>; 4] = Default::default();
    for (slot, name) in given.iter_mut().zip(NAMES) {
        *slot = named.get::<Option<Value>>(name)?;
    }
    named.assert_all_used()?;
    if positional.len() > NAMES.len() {
        return Err(Error::from(ErrorKind::TooManyArguments));
    }
    for (slot, value) in given.iter_mut().zip(positional.iter()) {
        *slot = Some(value.clone());
    }
    let [ascii, indent, separators, sorted] = given;
    let indent = indent.filter(|indent| !indent.is_none()).map(indentation).transpose()?;
    let (item, key) = match separators.filter(|separators| !separators.is_none()) {
        Some(pair) => {
            match pair.try_iter()?.map(|text| text.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>() {
                Some(pair) if pair.len() == 2 => (pair[0].clone(), pair[1].clone()),
                _ => return Err(error("separators must be two strings")),
            }
        }
        None if indent.is_some() => (",".to_owned(), ": ".to_owned()),
        None => (", ".to_owned(), ": ".to_owned()),
    };
    let style = Style {
        ascii: ascii.is_some_and(|value| value.is_true()),
        sorted: sorted.is_some_and(|value| value.is_true()),
        indent,
        item,
        key,
    };
    let mut page = LimitedText::new(state);
    page.json(value, &style, 0)?;
    let text = page.text;
    budget::make(state, text.len())?;
    Ok(text)
}

fn indentation(indent: Value) -> Result<String, Error> {
    if let Some(text) = indent.as_str() {
        return Ok(text.to_owned());
    }
    match indent.as_i64() {
        Some(width @ ..=64) => Ok(" ".repeat(width.max(0) as usize)),
        _ => Err(error("indent must be a string or a number up to 64")),
    }
}

struct Style {
    ascii: bool,
    sorted: bool,
    indent: Option<String>,
    item: String,
    key: String,
}

impl Style {
    fn line(&self, depth: usize) -> String {
        self.indent.as_ref().map_or(String::new(), |indent| format!("\n{}", indent.repeat(depth)))
    }
}

/// Text with a limited length.
struct LimitedText {
    text: String,
    room: usize,
}

impl LimitedText {
    fn new(state: &mut State) -> Self {
        Self { text: String::new(), room: budget::room(state) }
    }

    fn push(&mut self, text: &str) -> Result<(), Error> {
        if self.text.len() + text.len() > self.room {
            return Err(LimitExceeded::Text.into());
        }
        self.text.push_str(text);
        Ok(())
    }

    fn repr(&mut self, value: &Value, depth: usize) -> Result<(), Error> {
        if depth > 500 {
            return Err(LimitExceeded::Depth.into());
        }
        match value.kind() {
            ValueKind::Undefined => self.push("Undefined"),
            ValueKind::None => self.push("None"),
            ValueKind::Bool => self.push(if value.is_true() { "True" } else { "False" }),
            ValueKind::Number => self.push(&number(value)),
            ValueKind::String => {
                let text = value.as_str().unwrap_or_default();
                if text.len() > self.room {
                    return Err(LimitExceeded::Text.into());
                }
                self.push(&quoted(text))
            }
            ValueKind::Map => {
                self.push("{")?;
                for (index, (key, value)) in pairs(value).enumerate() {
                    self.push(if index > 0 { ", " } else { "" })?;
                    self.repr(&key, depth + 1)?;
                    self.push(": ")?;
                    self.repr(&value, depth + 1)?;
                }
                self.push("}")
            }
            ValueKind::Seq | ValueKind::Iterable => {
                let tuple = value.is_tuple();
                self.push(if tuple { "(" } else { "[" })?;
                let mut count = 0;
                for item in value.try_iter()? {
                    self.push(if count > 0 { ", " } else { "" })?;
                    self.repr(&item, depth + 1)?;
                    count += 1;
                }
                self.push(match (tuple, count) {
                    (true, 1) => ",)",
                    (true, _) => ")",
                    (false, _) => "]",
                })
            }
            _ => self.push("<object>"),
        }
    }

    fn json(&mut self, value: &Value, style: &Style, depth: usize) -> Result<(), Error> {
        if depth > 500 {
            return Err(LimitExceeded::Depth.into());
        }
        match value.kind() {
            ValueKind::None => self.push("null"),
            ValueKind::Bool => self.push(if value.is_true() { "true" } else { "false" }),
            ValueKind::Number => self.push(&json_number(value)),
            ValueKind::String => self.json_text(value.as_str().unwrap_or_default(), style.ascii),
            ValueKind::Map if !budget::is_namespace(value) => {
                let mut entries: Vec<(String, Value)> = pairs(value)
                    .map(|(key, value)| Ok((json_key(&key)?, value)))
                    .collect::<Result<_, Error>>()?;
                if style.sorted {
                    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
                }
                self.json_items("{", "}", entries.len(), style, depth, |page, index| {
                    let (key, value) = &entries[index];
                    page.json_text(key, style.ascii)?;
                    page.push(&style.key)?;
                    page.json(value, style, depth + 1)
                })
            }
            ValueKind::Seq | ValueKind::Iterable => {
                let items: Vec<Value> = value.try_iter()?.collect();
                self.json_items("[", "]", items.len(), style, depth, |page, index| {
                    page.json(&items[index], style, depth + 1)
                })
            }
            kind => Err(error(format!("{kind} is not JSON serializable"))),
        }
    }

    fn json_items(
        &mut self,
        open: &str,
        close: &str,
        count: usize,
        style: &Style,
        depth: usize,
        mut item: impl FnMut(&mut Self, usize) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.push(open)?;
        for index in 0..count {
            self.push(if index > 0 { &style.item } else { "" })?;
            self.push(&style.line(depth + 1))?;
            item(self, index)?;
        }
        if count > 0 {
            self.push(&style.line(depth))?;
        }
        self.push(close)
    }

    fn json_text(&mut self, text: &str, ascii: bool) -> Result<(), Error> {
        self.push("\"")?;
        for c in text.chars() {
            match c {
                '"' => self.push("\\\"")?,
                '\\' => self.push("\\\\")?,
                '\n' => self.push("\\n")?,
                '\r' => self.push("\\r")?,
                '\t' => self.push("\\t")?,
                '\u{8}' => self.push("\\b")?,
                '\u{c}' => self.push("\\f")?,
                c if c < ' ' || (ascii && !(' '..='~').contains(&c)) => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        self.push(&format!("\\u{unit:04x}"))?;
                    }
                }
                c => self.push(c.encode_utf8(&mut [0; 4]))?,
            }
        }
        self.push("\"")
    }
}

/// A map's entries in order, without the mark of a namespace.
pub(super) fn pairs(map: &Value) -> impl Iterator<Item = (Value, Value)> {
    map.as_object()
        .and_then(|object| object.try_iter_pairs())
        .into_iter()
        .flatten()
        .filter(|(key, _)| key.as_str() != Some(budget::NAMESPACE))
}

fn json_key(key: &Value) -> Result<String, Error> {
    Ok(match key.kind() {
        ValueKind::String => key.as_str().unwrap_or_default().to_owned(),
        ValueKind::None => "null".to_owned(),
        ValueKind::Bool => if key.is_true() { "true" } else { "false" }.to_owned(),
        ValueKind::Number => json_number(key),
        kind => return Err(error(format!("keys must be strings or numbers, not {kind}"))),
    })
}

fn json_number(value: &Value) -> String {
    match number(value).as_str() {
        "nan" => "NaN".to_owned(),
        "inf" => "Infinity".to_owned(),
        "-inf" => "-Infinity".to_owned(),
        text => text.to_owned(),
    }
}

/// Formats a number like Python's `repr`.
fn number(value: &Value) -> String {
    if value.is_integer() {
        return value.to_string();
    }
    let Ok(float) = f64::try_from(value.clone()) else { return value.to_string() };
    if float.is_nan() {
        return "nan".to_owned();
    }
    if float.is_infinite() {
        return if float > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = format!("{float:e}");
    let (digits, exponent) = scientific.split_once('e').expect("`e` formatting has an exponent");
    let exponent: i32 = exponent.parse().expect("the exponent is an integer");
    if float == 0.0 || (-4..16).contains(&exponent) {
        return format!("{float:?}");
    }
    format!("{digits}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

/// Formats a string like Python's `repr`.
fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => out.extend(['\\', c]),
            c if printable(c) => out.push(c),
            c => out.push_str(&match c as u32 {
                code @ ..=0xff => format!("\\x{code:02x}"),
                code @ ..=0xffff => format!("\\u{code:04x}"),
                code => format!("\\U{code:08x}"),
            }),
        }
    }
    out.push(quote);
    out
}

/// `str.isprintable`, except for code points that Unicode hasn't assigned.
fn printable(c: char) -> bool {
    !(c.is_control()
        || (c.is_whitespace() && c != ' ')
        || matches!(c, '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e000}'..='\u{f8ff}' | '\u{e0001}' | '\u{e0020}'..='\u{e007f}'
            | '\u{f0000}'..='\u{10ffff}'))
}

pub(super) fn error(why: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, why.into())
}
