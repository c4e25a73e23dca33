use super::json::{Scanner, Step};

/// Reads `{"name": .., "arguments": ..}` one character at a time. `parameters` is accepted for
/// `arguments`, and other members are skipped.
#[derive(Clone, Debug)]
pub(super) struct CallReader {
    phase: Phase,
    name: Option<String>,
    arguments: Arguments,
    /// Whether it has a member that calls don't have.
    is_foreign: bool,
}

/// The members of calls, as their keys are written.
const KEYS: [&str; 5] = ["\"name\"", "\"arguments\"", "\"parameters\"", "\"type\"", "\"id\""];

/// The text isn't a call.
#[derive(Debug)]
pub(super) struct NotACall;

#[derive(Clone, Debug)]
enum Phase {
    Open,
    KeyOrEnd,
    Key,
    InKey { scanner: Scanner, raw: String },
    Colon { member: Member },
    InValue { member: Member, scanner: Scanner, raw: String },
    CommaOrEnd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Member {
    Name,
    Arguments,
    Other,
}

#[derive(Clone, Debug)]
enum Arguments {
    Missing,
    /// The part of an object read so far, and how much of it was returned.
    Some {
        text: String,
        taken: usize,
    },
}

impl CallReader {
    pub(super) fn new() -> Self {
        Self { phase: Phase::Open, name: None, arguments: Arguments::Missing, is_foreign: false }
    }

    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    pub(super) fn has_arguments(&self) -> bool {
        matches!(self.arguments, Arguments::Some { .. })
    }

    /// Whether it can still become a call of one of these tools, and contains nothing unusual for
    /// calls.
    pub(super) fn may_become_call(&self, tools: &[String]) -> bool {
        let is_usual = match &self.phase {
            Phase::InKey { raw, .. } => KEYS.iter().any(|key| key.starts_with(raw.as_str())),
            Phase::InValue { member: Member::Name, raw, .. } => {
                tools.iter().any(|tool| format!("\"{tool}\"").starts_with(raw.as_str()))
            }
            _ => true,
        };
        is_usual && !self.is_foreign
    }

    /// The text added to the arguments since the last time.
    pub(super) fn take_arguments(&mut self) -> Option<String> {
        let Arguments::Some { text, taken } = &mut self.arguments else { return None };
        let new = text[*taken..].to_owned();
        *taken = text.len();
        Some(new).filter(|new| !new.is_empty())
    }

    /// Reads a character; returns true when the object is complete.
    pub(super) fn push(&mut self, c: char) -> Result<bool, NotACall> {
        let space = matches!(c, ' ' | '\t' | '\n' | '\r');
        self.phase = match std::mem::replace(&mut self.phase, Phase::Open) {
            Phase::InKey { scanner, raw } => self.key(c, scanner, raw)?,
            Phase::InValue { member, scanner, raw } => return self.value(c, member, scanner, raw),
            phase if space => phase,
            Phase::Open if c == '{' => Phase::KeyOrEnd,
            Phase::KeyOrEnd | Phase::CommaOrEnd if c == '}' => return Ok(true),
            Phase::KeyOrEnd | Phase::Key if c == '"' => self.key(c, Scanner::new(), String::new())?,
            Phase::Colon { member } if c == ':' => {
                Phase::InValue { member, scanner: Scanner::new(), raw: String::new() }
            }
            Phase::CommaOrEnd if c == ',' => Phase::Key,
            _ => return Err(NotACall),
        };
        Ok(false)
    }

    fn key(&mut self, c: char, mut scanner: Scanner, mut raw: String) -> Result<Phase, NotACall> {
        raw.push(c);
        match scanner.push(c) {
            Step::More => Ok(Phase::InKey { scanner, raw }),
            Step::Done => {
                self.is_foreign |= !KEYS.contains(&raw.as_str());
                let key: String = serde_json::from_str(&raw).map_err(|_| NotACall)?;
                let member = match key.as_str() {
                    "name" => Member::Name,
                    "arguments" | "parameters" => Member::Arguments,
                    _ => Member::Other,
                };
                Ok(Phase::Colon { member })
            }
            Step::DoneBefore | Step::Bad => Err(NotACall),
        }
    }

    fn value(
        &mut self,
        c: char,
        member: Member,
        mut scanner: Scanner,
        mut raw: String,
    ) -> Result<bool, NotACall> {
        if raw.is_empty() && member == Member::Arguments && c == '{' && !self.has_arguments() {
            self.arguments = Arguments::Some { text: String::new(), taken: 0 };
        }
        let step = scanner.push(c);
        if step == Step::Bad {
            return Err(NotACall);
        }
        let before_value = raw.is_empty() && matches!(c, ' ' | '\t' | '\n' | '\r');
        if !before_value && step != Step::DoneBefore {
            match &mut self.arguments {
                // The value streams; `raw` only records that it has begun.
                Arguments::Some { text, .. } if member == Member::Arguments => {
                    text.push(c);
                    raw = "{".to_owned();
                }
                _ => raw.push(c),
            }
        }
        if step == Step::More {
            self.phase = Phase::InValue { member, scanner, raw };
            return Ok(false);
        }
        self.phase = Phase::CommaOrEnd;
        match member {
            Member::Name if self.name.is_none() => {
                self.name = Some(serde_json::from_str(&raw).map_err(|_| NotACall)?);
            }
            Member::Arguments if !self.has_arguments() => {
                self.arguments = Arguments::Some { text: as_object(&raw)?, taken: 0 };
            }
            Member::Arguments if raw == "{" => {}
            Member::Other => {}
            Member::Name | Member::Arguments => return Err(NotACall),
        }
        if step == Step::DoneBefore { self.push(c) } else { Ok(false) }
    }
}

/// Converts arguments that were given as the text of an object, or as nothing.
fn as_object(raw: &str) -> Result<String, NotACall> {
    if raw == "null" {
        return Ok("{}".to_owned());
    }
    let text: String = serde_json::from_str(raw).map_err(|_| NotACall)?;
    serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&text).map_err(|_| NotACall)?;
    Ok(text.trim().to_owned())
}
