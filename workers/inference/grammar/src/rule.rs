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
