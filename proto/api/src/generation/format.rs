//! The format of an answer.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::parameters::Parameters;
use crate::problem::Problem;

/// The longest pattern or grammar, in bytes.
pub const MAX_GRAMMAR: usize = 64 * 1024;

/// The largest schema, in bytes. The compiler limits the cost of compiling it.
pub const MAX_SCHEMA: usize = 2 * 1024 * 1024;

/// `response_format`.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub enum Format {
    /// Any text.
    #[default]
    Text,
    /// `json_object`: one JSON object.
    JsonObject,
    /// `json_schema`: JSON that matches a schema. It always applies, regardless of `strict`.
    JsonSchema(Value),
    /// `{"type": "regex", "regex": ".."}`: a text that the whole expression matches.
    Regex(String),
    /// `{"type": "lark", "lark": ".."}`: a text of a grammar in Lark's syntax.
    Lark(String),
}

impl Format {
    pub(super) fn take(parameters: &mut Parameters) -> Result<Self, Problem> {
        let Some(mut format) = parameters.object("response_format")? else { return Ok(Self::Text) };
        let kinds = "`text`, `json_object`, `json_schema`, `regex` or `lark`";
        let kind: String = format.required("type", kinds)?;
        let read = match kind.as_str() {
            "text" => Self::Text,
            "json_object" => Self::JsonObject,
            "json_schema" => schema(&mut format)?,
            "regex" => Self::Regex(grammar(&mut format, "regex")?),
            "lark" => Self::Lark(grammar(&mut format, "lark")?),
            _ => return Err(format.must_be("type", kinds)),
        };
        format.none_left(|_| None)?;
        Ok(read)
    }
}

fn schema(format: &mut Parameters) -> Result<Format, Problem> {
    let what = "an object with `name` and `schema`";
    let mut given = match format.object("json_schema")? {
        Some(given) => given,
        None => return Err(format.missing("json_schema", what)),
    };
    if let Some(name) = given.optional::<String>("name", "a string")?
        && !is_name(&name)
    {
        return Err(given.wrong(
            "name",
            format!("invalid `{}`: must have 1 to 64 letters, digits, `_` and `-`", given.at("name")),
        ));
    }
    given.optional::<String>("description", "a string")?;
    given.optional::<bool>("strict", "true or false")?;
    let schema: Box<RawValue> = given.required("schema", "a JSON schema")?;
    let schema = match schema.get().len() {
        length if length > MAX_SCHEMA => Err(given.wrong(
            "schema",
            format!("invalid `{}`: must have at most {MAX_SCHEMA} bytes, not {length}", given.at("schema")),
        )),
        _ => match serde_json::from_str(schema.get()) {
            Ok(schema @ (Value::Object(_) | Value::Bool(_))) => Ok(schema),
            _ => Err(given.must_be("schema", "an object")),
        },
    }?;
    given.none_left(|_| None)?;
    Ok(Format::JsonSchema(schema))
}

fn grammar(format: &mut Parameters, name: &str) -> Result<String, Problem> {
    let text: String = format.required(name, "a string")?;
    if text.is_empty() || text.len() > MAX_GRAMMAR {
        return Err(
            format.wrong(name, format!("invalid `{}`: must have 1 to {MAX_GRAMMAR} bytes", format.at(name)))
        );
    }
    Ok(text)
}

/// Returns whether a text is a valid name of a tool or a schema.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
}

/// Returns a schema that allows any object.
pub(crate) fn any_object() -> Value {
    Value::Object(Map::from_iter([("type".to_owned(), Value::from("object"))]))
}
