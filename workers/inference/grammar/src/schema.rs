//! Schemas as the parser takes them: the same meaning in fewer keywords, or a refusal that names keyword and path.
//!
//! Drafts 4 to 2020-12 are read. Where drafts differ the stricter reading is kept: siblings of `$ref` count, as do `prefixItems`
//! next to an array of `items`. Keywords that no draft knows are annotations; those that a draft knows and a grammar can't keep
//! are refused.

mod blame;
mod finite;
mod format;
mod keyword;
mod number;
mod pattern;
mod pointer;
mod size;
mod walk;

use llguidance::{GrammarBuilder, JsonCompileOptions};
use serde_json::{Value, json};

use crate::{Limits, SchemaError};

/// A schema that the parser compiles.
pub(crate) fn prepare(schema: &Value, limits: &Limits) -> Result<Value, SchemaError> {
    let prepared = rewritten(schema, limits)?;
    match compiles(&prepared, limits) {
        Ok(()) => Ok(prepared),
        Err(why) => Err(blame::of(schema, limits, why)),
    }
}

/// Any JSON object.
pub(crate) fn object() -> Value {
    with_options(json!({"type": "object"}))
}

fn rewritten(schema: &Value, limits: &Limits) -> Result<Value, SchemaError> {
    size::check(schema, limits)?;
    let prepared = walk::rewrite(schema, limits)?;
    Ok(with_options(prepared))
}

/// Why the parser refuses it, if it does.
fn compiles(prepared: &Value, limits: &Limits) -> Result<(), String> {
    let builder = GrammarBuilder::new(None, limits.of_parser());
    let compiled = llguidance::panic_utils::catch_unwind(std::panic::AssertUnwindSafe(|| {
        JsonCompileOptions::default().json_to_llg_with_overrides(builder, prepared.clone()).map(drop)
    }));
    compiled.map_err(|error| error.to_string().lines().next().unwrap_or_default().to_owned())
}

/// Tells the parser how JSON is written here: blanks are bounded, and nothing is escaped by number, so that a name has one
/// spelling and can't come twice under two.
fn with_options(mut schema: Value) -> Value {
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
