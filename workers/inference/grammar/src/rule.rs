use serde_json::Value;

/// What an answer must be.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// Any JSON object.
    JsonObject,
    /// JSON that validates against the schema.
    JsonSchema(Value),
    /// Text that the regular expression matches from beginning to end, in the syntax of the crate `regex` without look-around.
    Regex(String),
    /// A grammar in `llguidance`'s dialect of Lark. It can't name control tokens.
    Lark(String),
    /// Calls of these tools and nothing else; with `or_text`, for calls that no marker opens, else any text whose first
    /// character that is no blank is not `{`.
    Tools { tools: Vec<Tool>, syntax: CallSyntax, calls: usize, or_text: bool },
}

/// A tool that may be called with arguments that validate against a schema.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    pub name: String,
    pub parameters: Value,
}

/// How a model family writes calls: `open`, then calls with `separator` between, then `close`; a call is `before`, the name,
/// `between`, the arguments as JSON, `after`. Control tokens are written by their names.
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
    /// About how many bytes it takes in memory.
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

/// About how many bytes a value takes in memory.
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
