//! Grammars that an answer must keep, as masks over the vocabulary.
//!
//! A [`Compiler`] is made once per model and turns a [`Rule`] into a [`Constraint`], which belongs to one answer. At each step
//! the engine asks for the [`Mask`] of tokens that may come, sets the other logits to -inf before any sampler looks, and tells
//! the constraint which token was taken. A mask depends on the tokens before it and not on the logits, and a constraint is
//! [`Send`]: compute the mask on another thread while the forward pass runs.
//!
//! `llguidance` does the parsing. What it leaves open is closed here: schemas are put together before it sees them, so that
//! references cost what they say and not what they expand to; keywords that can't be kept are refused by name and path instead
//! of being ignored; `format` means what validators mean by it; JSON's whitespace is bounded, so no answer is blank for ever;
//! names have one spelling, so none comes twice under two; numbers are those that all readers read alike; what no value
//! satisfies is left out or refused, as is a grammar that would need too much memory or time.

mod compiler;
mod constraint;
mod dead_end;
mod environment;
mod error;
mod json_text;
mod jury;
mod kept;
mod lark;
mod lead;
mod limits;
mod mask;
mod probe;
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
pub use schema::Halt;
pub use vocabulary::{Encode, Vocabulary};
