//! Grammars that an answer must keep, as masks over the vocabulary.
//!
//! A [`Compiler`] is made once per model and turns a [`Rule`] into a [`Constraint`], which belongs to one answer. At each step
//! the engine asks for the [`Mask`] of tokens that may come, sets the other logits to -inf before any sampler looks, and tells
//! the constraint which token was taken. A mask depends on the tokens before it and not on the logits, and a constraint is
//! [`Send`]: compute the mask on another thread while the forward pass runs.
//!
//! `llguidance` does the parsing. What it leaves open is closed here: a schema's unsupported keywords are refused by name and
//! path instead of being ignored; `format` means what validators mean by it; JSON's whitespace is bounded, so no answer is
//! blank for ever; names have one spelling, so none comes twice under two; numbers stay within what a double holds; a schema
//! that no finite value satisfies and a grammar that would need too much memory are refused.

mod compiler;
mod constraint;
mod environment;
mod error;
mod json_text;
mod kept;
mod lark;
mod lead;
mod limits;
mod mask;
mod rule;
mod schema;
mod slices;
mod vocabulary;

pub use compiler::Compiler;
pub use constraint::Constraint;
pub use error::{ConstraintError, GrammarError, SchemaError, VocabularyError};
pub use limits::Limits;
pub use mask::Mask;
pub use rule::{CallSyntax, Rule, Tool};
pub use vocabulary::{Encode, Vocabulary};
