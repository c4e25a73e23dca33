//! Validates finished texts whose schemas the grammar enforces only partially.

use serde_json::Value;

use crate::schema::SchemaValidator;
use crate::{CallSyntax, SchemaError, Tool, Vocabulary};

#[derive(Debug)]
pub(crate) enum AnswerValidator {
    /// The text is a single value.
    Whole(SchemaValidator),
    /// The text contains calls.
    Calls(Vec<Call>),
}

/// How calls of one tool begin, and the validator of their arguments.
#[derive(Debug)]
pub(crate) struct Call {
    opening: String,
    validator: Option<SchemaValidator>,
}

impl AnswerValidator {
    pub(crate) fn whole(validator: SchemaValidator) -> Self {
        Self::Whole(validator)
    }

    /// `None` if no tool needs it.
    pub(crate) fn of_calls(
        tools: &[Tool],
        validators: Vec<Option<SchemaValidator>>,
        syntax: &CallSyntax,
        vocabulary: &Vocabulary,
    ) -> Option<Self> {
        if validators.iter().all(Option::is_none) {
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
        let calls = tools.iter().zip(validators).map(|(tool, validator)| Call {
            opening: plain(format!("{}{}{}", syntax.before, tool.name, syntax.between)),
            validator,
        });
        Some(Self::Calls(calls.collect()))
    }

    /// # Errors
    /// Fails with the violated keyword.
    pub(crate) fn validate(&self, text: &[u8]) -> Result<(), SchemaError> {
        match self {
            Self::Whole(validator) => match serde_json::from_slice(text) {
                Ok(value) => validator.validate(&value),
                Err(_) => Err(validator.keyword().clone()),
            },
            Self::Calls(calls) => validate_calls(calls, &String::from_utf8_lossy(text)),
        }
    }
}

fn validate_calls(calls: &[Call], text: &str) -> Result<(), SchemaError> {
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
            if let Some(validator) = &call.validator {
                validator.validate(&value)?;
            }
            rest = &rest[values.byte_offset()..];
        }
    }
}
