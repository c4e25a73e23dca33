use thiserror::Error;

/// A rule that can't be compiled.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum GrammarError {
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// A schema of one of the tools.
    #[error("tool {tool}: {error}")]
    Tool { tool: String, error: SchemaError },
    #[error("tool name {name:?} must be 1 to 64 letters, digits, _ or -, and there only once")]
    ToolName { name: String },
    #[error("there is no tool to call")]
    NoTools,
    #[error("the {kind} can't be compiled: {why}")]
    Syntax { kind: &'static str, why: String },
    #[error("the {what} has {found}, at most {most} are taken")]
    TooLarge { what: &'static str, found: usize, most: usize },
    /// The parser doesn't take what the caller's schema became; `why` is in the parser's words, and not shown.
    #[error(
        "the grammar is too complex: a schema takes more than one answer may (expected fewer or simpler parts)"
    )]
    Unwritable { why: String },
    /// It would need more memory or time than one answer may take.
    #[error("the grammar is too complex: {why}")]
    TooComplex { why: String },
}

/// A schema that can't be compiled, with the keyword that is to blame and the place of its schema as a JSON pointer.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{keyword} at #{path}: {why}")]
pub struct SchemaError {
    pub keyword: String,
    pub path: String,
    pub why: String,
}

/// A vocabulary that no mask can be made for.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum VocabularyError {
    #[error("the vocabulary has {found} tokens; 1 to {most} can be masked")]
    Size { found: usize, most: usize },
    #[error("token {token} ends a text, but the vocabulary has {size} tokens")]
    NoSuchToken { token: u32, size: usize },
    #[error("no token ends a text")]
    NoEnd,
    #[error("the vocabulary can't be prepared: {0}")]
    Unusable(String),
}

/// What is said of a grammar that costs too much; the parser's own words are in the error's fields.
pub(crate) const TOO_MUCH: &str =
    "too much work for each token (expected simpler patterns or shorter repetitions)";

/// A step that can't be taken.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ConstraintError {
    #[error("token {token} doesn't fit the grammar here")]
    Refused { token: u32 },
    /// It would need more memory or time than one answer may take.
    #[error("the grammar takes {}", TOO_MUCH)]
    TooComplex { why: String },
    #[error("no token of the vocabulary continues the text under this grammar")]
    DeadEnd,
    /// The answer is finished and breaks a keyword that the grammar keeps only in part.
    #[error("the finished answer isn't valid: {0}")]
    Invalid(SchemaError),
    #[error("the grammar failed: {why}")]
    Failed { why: String },
}
