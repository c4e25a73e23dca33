//! Enforces grammars on answers through masks over the vocabulary.
//!
//! A [`Compiler`] is made once per model and turns a [`Rule`] into a [`Constraint`], which belongs
//! to one answer. At each step the engine asks for the [`Mask`] of allowed tokens, sets all other
//! logits to -inf before sampling, and passes the chosen token to the constraint. A mask depends on
//! the preceding tokens and not on the logits, and a constraint is [`Send`], so the mask can be
//! computed on another thread during the forward pass.
//!
//! `llguidance` does the parsing. This crate adds what it doesn't do. Schemas are combined before
//! it sees them, so that references cost what they contain and not what they expand to. Unsupported
//! keywords are rejected with name and path instead of being ignored. `format` means what
//! validators take it to mean. JSON's whitespace is limited, so that no answer is endlessly blank.
//! Names have a single spelling, so that none occurs twice in different spellings. Numbers are
//! limited to those that all readers interpret identically. Parts that no value satisfies are left
//! out or rejected, and so are grammars that would need too much memory or time.

mod cache;
mod compiler;
mod constraint;
mod dead_end;
mod environment;
mod error;
mod json_text;
mod lark;
mod limits;
mod mask;
mod preamble;
mod probe;
mod rule;
mod schema;
mod slices;
mod validator;
mod vocabulary;

pub use compiler::Compiler;
pub use constraint::Constraint;
pub use error::{ConstraintError, GrammarError, SchemaError, VocabularyError};
pub use limits::Limits;
pub use mask::Mask;
pub use rule::{CallSyntax, Rule, Tool};
pub use schema::Halt;
pub use vocabulary::{Encode, Vocabulary};
