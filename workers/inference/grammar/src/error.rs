use thiserror::Error;

/// A rule that can't be compiled.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum GrammarError {
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// A schema of one of the tools.
    #[error("tool {tool}: {error}")]
    Tool { tool: String, error: SchemaError },
    #[error("the tool name {name:?} must be unique and have 1 to 64 letters, digits, _ or -")]
    ToolName { name: String },
    #[error("there are no tools to call")]
    NoTools,
    #[error("cannot compile the {kind}: {why}")]
    Syntax { kind: &'static str, why: String },
    #[error("the {what} must have at most {most} (got {found})")]
    TooLarge { what: &'static str, found: usize, most: usize },
    /// The parser doesn't accept the schema that we made from the caller's; `why` is in the
    /// parser's terms and not shown.
    #[error(
        "the grammar is too complex: a schema exceeds the limits of an answer (expected fewer or simpler parts)"
    )]
    Unwritable { why: String },
    /// It would take more memory or time than one answer may use.
    #[error("the grammar is too complex: {why}")]
    TooComplex { why: String },
}

/// A schema that can't be compiled, with the offending keyword and the location of its schema as a
/// JSON pointer.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{keyword} at #{path}: {why}")]
pub struct SchemaError {
    pub keyword: String,
    pub path: String,
    pub why: String,
}

/// A vocabulary for which no masks can be made.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum VocabularyError {
    #[error("the vocabulary must have from 1 to {most} tokens (got {found})")]
    Size { found: usize, most: usize },
    #[error("token {token} is an end token, but the vocabulary has {size} tokens")]
    NoSuchToken { token: u32, size: usize },
    #[error("the vocabulary has no end token")]
    NoEnd,
    #[error("cannot prepare the vocabulary: {0}")]
    Unusable(String),
}

/// The message for a grammar that is too expensive; the parser's own message is in the error's
/// fields.
pub(crate) const TOO_MUCH: &str =
    "too much work for each token (expected simpler patterns or shorter repetitions)";

/// Why a constraint can't continue.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ConstraintError {
    #[error("the grammar does not allow token {token} here")]
    Refused { token: u32 },
    /// It would take more memory or time than one answer may use.
    #[error("the grammar takes {}", TOO_MUCH)]
    TooComplex { why: String },
    #[error("no token of the vocabulary continues the text under this grammar")]
    DeadEnd,
    /// The finished answer violates a keyword that the grammar enforces only partially.
    #[error("the finished answer is invalid: {0}")]
    Invalid(SchemaError),
    #[error("the grammar failed: {why}")]
    Failed { why: String },
}
