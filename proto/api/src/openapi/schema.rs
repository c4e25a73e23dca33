//! JSON schemas (draft 2020-12), piece by piece.

use serde_json::{Map, Value, json};

/// What is under `#/components/schemas/`.
pub(super) type Components = Vec<(&'static str, Value)>;

/// An object under construction.
pub(super) struct Object {
    properties: Map<String, Value>,
    required: Vec<&'static str>,
    closed: bool,
}

/// An object that refuses members it does not know: a request.
pub(super) fn strict() -> Object {
    Object { properties: Map::new(), required: Vec::new(), closed: true }
}

/// An object to which later versions may add members: an answer.
pub(super) fn object() -> Object {
    Object { closed: false, ..strict() }
}

impl Object {
    /// A member that must be there, and not null.
    pub(super) fn required(mut self, name: &'static str, schema: Value) -> Self {
        self.required.push(name);
        self.member(name, schema)
    }

    /// A member of a request that may be left out. Null counts as left out.
    pub(super) fn optional(self, name: &'static str, schema: Value) -> Self {
        self.member(name, or_null(schema))
    }

    /// A member that may be left out, but is not null.
    pub(super) fn maybe(self, name: &'static str, schema: Value) -> Self {
        self.member(name, schema)
    }

    /// A member of an answer that is always there and may be null.
    pub(super) fn nullable(mut self, name: &'static str, schema: Value) -> Self {
        self.required.push(name);
        self.member(name, or_null(schema))
    }

    fn member(mut self, name: &'static str, schema: Value) -> Self {
        self.properties.insert(name.to_owned(), schema);
        self
    }

    pub(super) fn build(self) -> Value {
        let mut schema = json!({"type": "object", "properties": self.properties});
        if !self.required.is_empty() {
            schema["required"] = self.required.into();
        }
        if self.closed {
            schema["additionalProperties"] = false.into();
        }
        schema
    }

    /// With more that holds for the whole.
    pub(super) fn with(self, keyword: &str, value: Value) -> Value {
        with(self.build(), keyword, value)
    }
}

pub(super) fn with(mut schema: Value, keyword: &str, value: Value) -> Value {
    schema[keyword] = value;
    schema
}

pub(super) fn about(schema: Value, text: &str) -> Value {
    with(schema, "description", text.into())
}

pub(super) fn or_null(mut schema: Value) -> Value {
    if let Some(values) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        values.push(Value::Null);
    }
    match schema.get("type") {
        Some(Value::String(kind)) => schema["type"] = json!([kind, "null"]),
        Some(_) => {}
        None => schema = json!({"anyOf": [schema, {"type": "null"}]}),
    }
    schema
}

pub(super) fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

pub(super) fn string() -> Value {
    json!({"type": "string"})
}

/// A string of so many bytes. JSON Schema counts characters, so that a string may be refused that is longer in UTF-8.
pub(super) fn bytes(least: usize, most: usize) -> Value {
    json!({"type": "string", "minLength": least, "maxLength": most})
}

pub(super) fn matching(pattern: &str) -> Value {
    json!({"type": "string", "pattern": pattern})
}

/// A name of so many characters of a class.
pub(super) fn name(characters: &str, most: usize) -> Value {
    matching(&format!("^[{characters}]{{1,{most}}}$"))
}

pub(super) fn one_of(values: &[&str]) -> Value {
    json!({"type": "string", "enum": values})
}

pub(super) fn only(value: impl Into<Value>) -> Value {
    json!({"const": value.into()})
}

pub(super) fn boolean() -> Value {
    json!({"type": "boolean"})
}

pub(super) fn whole(least: i64, most: i64) -> Value {
    json!({"type": "integer", "minimum": least, "maximum": most})
}

/// A count: a whole number from 0.
pub(super) fn count() -> Value {
    json!({"type": "integer", "minimum": 0})
}

pub(super) fn number(least: f64, most: f64) -> Value {
    json!({"type": "number", "minimum": least, "maximum": most})
}

pub(super) fn list(of: Value) -> Value {
    json!({"type": "array", "items": of})
}

pub(super) fn list_of(of: Value, least: usize, most: usize) -> Value {
    json!({"type": "array", "items": of, "minItems": least, "maxItems": most})
}

pub(super) fn any_of(schemas: impl Into<Vec<Value>>) -> Value {
    json!({"anyOf": schemas.into()})
}

/// An object whose members are all of one kind.
pub(super) fn map(of: Value) -> Value {
    json!({"type": "object", "additionalProperties": of})
}

pub(super) fn anything() -> Value {
    json!({})
}

pub(super) fn any_object() -> Value {
    json!({"type": "object"})
}

/// A time (RFC 3339).
pub(super) fn time() -> Value {
    json!({"type": "string", "format": "date-time"})
}
