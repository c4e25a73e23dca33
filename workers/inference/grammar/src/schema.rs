//! Rewrites schemas for the parser: the same meaning in fewer keywords, or an error with keyword
//! and path.
//!
//! Drafts 4 to 2020-12 are supported. If drafts differ, we take the stricter reading: siblings of
//! `$ref` apply, and so does `prefixItems` next to an array of `items`. Keywords outside all drafts
//! are annotations, and so are unknown formats.
//!
//! A value must satisfy one set of schemas and none of another (`fact::Demand`). [`solve`] splits
//! such a demand into branches without remaining choices, so that each demand is written only once
//! however often it is referenced, and the parser never has to combine schemas itself. [`shape`]
//! determines the demands on nested values; [`write`] omits parts that no value satisfies. What
//! can't be expressed exactly is made stricter. Only `uniqueItems`, a `oneOf` with
//! indistinguishable alternatives, and conditions with too many combinations are made looser, and
//! then [`SchemaValidator`] validates the finished answer.

mod branch;
mod count;
mod document;
mod effort;
mod evaluated;
mod fact;
mod format;
mod keyword;
mod kinds;
mod negate;
mod number;
mod pattern;
mod pointer;
mod read;
mod regexes;
mod shape;
mod size;
mod solve;
mod validator;
mod write;

use serde_json::{Value, json};

pub(crate) use effort::Effort;
pub use effort::Halt;
pub(crate) use validator::SchemaValidator;

use crate::{Limits, SchemaError};

/// A schema that the parser can compile.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) schema: Value,
    /// The strings in it that have patterns.
    pub(crate) texts: Vec<Text>,
    /// If the schema is enforced only partially, the validator for the finished answer.
    pub(crate) validator: Option<SchemaValidator>,
}

/// A string with patterns: its form for the parser, and its location in the caller's schema.
#[derive(Debug)]
pub(crate) struct Text {
    pub(crate) schema: Value,
    pub(crate) path: String,
}

/// Prepares a schema for the parser.
pub(crate) fn prepare(schema: &Value, limits: &Limits, halt: &Halt) -> Result<Prepared, SchemaError> {
    size::check(schema, limits)?;
    let effort = Effort::new(limits.schema_steps, halt.clone());
    let mut solver = solve::Solver::new(schema, limits, effort);
    let shapes = shape::Shapes::of(&mut solver)?;
    let texts = shapes.patterned();
    let prepared = write::Writer::new(&shapes).schema()?;
    let validator = solver.partially_enforced.map(|origin| {
        SchemaValidator::new(
            schema,
            limits,
            solver.regexes.translated(),
            solver.refusal(origin, "the finished answer violates it"),
        )
    });
    Ok(Prepared { schema: with_options(prepared), texts, validator })
}

/// Any JSON object.
pub(crate) fn object() -> Value {
    with_options(json!({"type": "object"}))
}

/// Sets how the parser writes JSON: whitespace is limited and numeric escapes are off, so that a
/// name has one spelling and can't occur twice in different ones.
pub(crate) fn with_options(mut schema: Value) -> Value {
    if let Value::Object(keywords) = &mut schema {
        keywords.insert(
            "x-guidance".to_owned(),
            json!({"whitespace_pattern": r" |\n[ \t]{0,32}", "json_allowed_escapes": "nrbtf\\\""}),
        );
    }
    schema
}

#[cfg(test)]
mod tests;
