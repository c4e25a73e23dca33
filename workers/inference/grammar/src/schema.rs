//! Schemas as the parser takes them: the same meaning in fewer keywords, or a refusal that names keyword and path.
//!
//! Drafts 4 to 2020-12 are read. Where drafts differ the stricter reading is kept: siblings of `$ref` count, as do `prefixItems`
//! next to an array of `items`. Keywords that no draft knows are annotations, as are formats that aren't known.
//!
//! A value must satisfy a set of schemas and none of another set (`fact::Demand`). [`solve`] turns such a demand into ways
//! without a choice left, so that the same demand is written once however often it is referred to, and the parser never has to
//! put schemas together itself. [`shape`] finds what the values within must be, [`write`] leaves out what no value satisfies.
//! What can't be written exactly is written more strictly. Only `uniqueItems`, a `oneOf` whose alternatives can't be told
//! apart, and conditions in more combinations than can be written are written more loosely, and then [`Judge`] looks at the
//! finished answer.

mod branch;
mod count;
mod document;
mod effort;
mod evaluated;
mod fact;
mod format;
mod judge;
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
mod write;

use serde_json::{Value, json};

pub(crate) use effort::Effort;
pub use effort::Halt;
pub(crate) use judge::Judge;

use crate::{Limits, SchemaError};

/// A schema that the parser compiles.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) schema: Value,
    /// The strings in it that have patterns.
    pub(crate) texts: Vec<Text>,
    /// Where the schema is kept only in part: what looks at the finished answer.
    pub(crate) judge: Option<Judge>,
}

/// A string with patterns: as the parser takes it, and where the caller's schema asks for it.
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
    let prepared = write::Writing::new(&shapes).schema()?;
    let judge = solver.unsure.map(|origin| {
        Judge::new(
            schema,
            limits,
            solver.regexes.translated(),
            solver.refusal(origin, "the finished answer doesn't keep it"),
        )
    });
    Ok(Prepared { schema: with_options(prepared), texts, judge })
}

/// Any JSON object.
pub(crate) fn object() -> Value {
    with_options(json!({"type": "object"}))
}

/// Tells the parser how JSON is written here: blanks are bounded, and nothing is escaped by number, so that a name has one
/// spelling and can't come twice under two.
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
