//! Looks at finished texts whose schemas the grammar keeps only in part.

use serde_json::Value;

use crate::schema::Judge;
use crate::{CallSyntax, SchemaError, Tool, Vocabulary};

#[derive(Debug)]
pub(crate) enum Jury {
    /// The text is one value.
    Whole(Judge),
    /// The text holds calls.
    Calls(Vec<Call>),
}

/// How the calls of one tool begin, and what looks at their arguments.
#[derive(Debug)]
pub(crate) struct Call {
    opening: String,
    judge: Option<Judge>,
}

impl Jury {
    pub(crate) fn whole(judge: Judge) -> Self {
        Self::Whole(judge)
    }

    /// `None` if no tool needs it.
    pub(crate) fn of_calls(
        tools: &[Tool],
        judges: Vec<Option<Judge>>,
        syntax: &CallSyntax,
        vocabulary: &Vocabulary,
    ) -> Option<Self> {
        if judges.iter().all(Option::is_none) {
            return None;
        }
        // Control tokens add nothing to the text.
        let plain = |text: String| {
            vocabulary
                .control
                .iter()
                .filter(|(_, name)| !name.is_empty())
                .fold(text, |text, (_, name)| text.replace(name.as_str(), ""))
        };
        let calls = tools.iter().zip(judges).map(|(tool, judge)| Call {
            opening: plain(format!("{}{}{}", syntax.before, tool.name, syntax.between)),
            judge,
        });
        Some(Self::Calls(calls.collect()))
    }

    /// # Errors
    /// With what is broken.
    pub(crate) fn judge(&self, text: &[u8]) -> Result<(), SchemaError> {
        match self {
            Self::Whole(judge) => match serde_json::from_slice(text) {
                Ok(value) => judge.judge(&value),
                Err(_) => Err(judge.keyword().clone()),
            },
            Self::Calls(calls) => judge_calls(calls, &String::from_utf8_lossy(text)),
        }
    }
}

fn judge_calls(calls: &[Call], text: &str) -> Result<(), SchemaError> {
    let mut rest = text;
    loop {
        let next = calls.iter().filter_map(|call| rest.find(&call.opening).map(|at| (at, call)));
        let Some((at, call)) = next.min_by_key(|(at, call)| (*at, std::cmp::Reverse(call.opening.len())))
        else {
            return Ok(());
        };
        rest = &rest[at + call.opening.len()..];
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        if let Some(Ok(value)) = values.next() {
            if let Some(judge) = &call.judge {
                judge.judge(&value)?;
            }
            rest = &rest[values.byte_offset()..];
        }
    }
}
