use serde_json::Value;

/// A constraint on answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// Any JSON object.
    JsonObject,
    /// JSON that validates against the schema.
    JsonSchema(Value),
    /// Text that the regular expression matches completely, in the syntax of the crate `regex`
    /// (without look-around).
    Regex(String),
    /// A grammar in `llguidance`'s dialect of Lark. It can't refer to control tokens.
    Lark(String),
    /// Calls of these tools only. With `or_text`, which is for calls without an opening marker,
    /// also any text whose first non-blank character isn't `{`.
    Tools { tools: Vec<Tool>, syntax: CallSyntax, calls: usize, or_text: bool },
}

/// A tool that may be called with arguments that validate against a schema.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    pub name: String,
    pub parameters: Value,
}

/// How a model family writes calls: `open`, then calls separated by `separator`, then `close`; a
/// call is `before`, the name, `between`, the arguments as JSON, `after`. Control tokens are given
/// by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallSyntax {
    pub open: String,
    pub before: String,
    pub between: String,
    pub after: String,
    pub separator: String,
    pub close: String,
}

impl Rule {
    /// Its approximate size in memory, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::JsonObject => 0,
            Self::JsonSchema(schema) => bytes(schema),
            Self::Regex(text) | Self::Lark(text) => text.len(),
            Self::Tools { tools, .. } => {
                tools.iter().map(|tool| tool.name.len() + bytes(&tool.parameters)).sum()
            }
        }
    }
}

/// A value's approximate size in memory, in bytes.
fn bytes(value: &Value) -> usize {
    let own = size_of::<Value>();
    own + match value {
        Value::String(text) => text.len(),
        Value::Array(values) => values.iter().map(bytes).sum(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| 2 * own + name.len() + bytes(value)).sum()
        }
        _ => 0,
    }
}
