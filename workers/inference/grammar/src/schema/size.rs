use serde_json::Value;

use crate::{Limits, SchemaError};

/// Rejects a document that is larger than the limits, in any part.
pub(super) fn check(schema: &Value, limits: &Limits) -> Result<(), SchemaError> {
    let bytes = bytes(schema, limits.schema_bytes, 0, limits.depth * 4);
    if bytes <= limits.schema_bytes {
        return Ok(());
    }
    let why = format!("the schema is larger than {} bytes or nested too deeply", limits.schema_bytes);
    Err(SchemaError { keyword: "schema".to_owned(), path: String::new(), why })
}

/// The value's approximate length as JSON; stops above `most`.
fn bytes(value: &Value, most: usize, depth: usize, deepest: usize) -> usize {
    if depth > deepest {
        return most + 1;
    }
    let mut total = 2;
    match value {
        Value::String(text) => total += text.len(),
        Value::Array(values) => {
            for value in values {
                total += 1 + bytes(value, most, depth + 1, deepest);
                if total > most {
                    break;
                }
            }
        }
        Value::Object(values) => {
            for (name, value) in values {
                total += name.len() + 4 + bytes(value, most, depth + 1, deepest);
                if total > most {
                    break;
                }
            }
        }
        _ => total += 4,
    }
    total
}
