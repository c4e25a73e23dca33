//! Reads JSON schemas for people.

use serde_json::Value;

/// A schema and the document that its references lead into.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schema<'a> {
    pub(crate) document: &'a Value,
    pub(crate) value: &'a Value,
}

/// A member of an object.
#[derive(Debug)]
pub(crate) struct Field<'a> {
    pub(crate) name: &'a str,
    pub(crate) schema: Schema<'a>,
    pub(crate) required: bool,
}

impl<'a> Schema<'a> {
    pub(crate) fn at(self, value: &'a Value) -> Self {
        Self { value, ..self }
    }

    /// Follows a reference.
    pub(crate) fn resolved(self) -> Self {
        match self.value["$ref"].as_str() {
            Some(reference) => self.at(self.document.pointer(reference.trim_start_matches('#')).unwrap()),
            None => self,
        }
    }

    /// Returns the description of the field, or else of its type.
    pub(crate) fn description(self) -> String {
        let own = self.value["description"].as_str();
        let text = own.or_else(|| self.resolved().value["description"].as_str()).unwrap_or_default();
        // The line breaks come from a comment in the source.
        text.replace('\n', " ")
    }

    pub(crate) fn fields(self) -> Vec<Field<'a>> {
        let of = self.resolved().value;
        let required =
            |name: &str| of["required"].as_array().is_some_and(|names| names.iter().any(|it| it == name));
        let fields = of["properties"].as_object().into_iter().flatten();
        fields.map(|(name, value)| Field { name, schema: self.at(value), required: required(name) }).collect()
    }

    /// Returns the alternatives of a type that has some.
    pub(crate) fn alternatives(self) -> Vec<Self> {
        let of = self.resolved().value;
        let several = of["oneOf"].as_array().or_else(|| of["anyOf"].as_array());
        several.into_iter().flatten().map(|value| self.at(value)).collect()
    }

    /// Returns the schema of a value that may also be left out.
    pub(crate) fn not_null(self) -> Self {
        let several = self.value["anyOf"].as_array();
        let mut values = several.into_iter().flatten().filter(|value| value["type"] != "null");
        match (values.next(), values.next()) {
            (Some(only), None) => self.at(only),
            _ => self,
        }
    }

    /// Returns the schema of the members of an object whose keys the user chooses.
    pub(crate) fn members(self) -> Option<&'a Value> {
        let patterns = self.value["patternProperties"].as_object();
        let by_pattern = patterns.and_then(|patterns| patterns.values().next());
        by_pattern.or_else(|| Some(&self.value["additionalProperties"]).filter(|members| members.is_object()))
    }

    /// Returns the name of the type with its limits. A named type is a link to its section.
    pub(crate) fn name(self) -> String {
        if let Some(reference) = self.value["$ref"].as_str() {
            let name = reference.rsplit('/').next().unwrap();
            return format!("[{name}](#{})", name.to_lowercase());
        }
        let value = self.value;
        if let Some(only) = value.get("const") {
            return format!("`{only}`");
        }
        if let Some(values) = value["enum"].as_array() {
            let values = values.iter().filter(|value| !value.is_null()).map(|value| format!("`{value}`"));
            return values.collect::<Vec<_>>().join(", ");
        }
        let alternatives = self.alternatives();
        let described = value["properties"].is_object();
        if !alternatives.is_empty() && !described {
            let mut names: Vec<_> =
                alternatives.into_iter().map(Self::name).filter(|name| name != "null").collect();
            names.dedup();
            return names.join(" or ");
        }
        match kinds(value).as_slice() {
            [] => "any JSON".to_owned(),
            kinds => kinds.iter().map(|kind| self.kind(kind)).collect::<Vec<_>>().join(" or "),
        }
    }

    fn kind(self, kind: &str) -> String {
        let value = self.value;
        match kind {
            "array" => {
                let item = if value["items"].is_object() {
                    self.at(&value["items"]).name()
                } else {
                    "any JSON".into()
                };
                format!("list of {item}{}", bounds(value, "minItems", "maxItems", "items"))
            }
            "object" if value["additionalProperties"].is_object() => {
                let item = self.at(&value["additionalProperties"]).name();
                format!("object of {item}{}", bounds(value, "minProperties", "maxProperties", "members"))
            }
            "string" => match value["format"].as_str() {
                Some(format) => format!("string ({format})"),
                None => format!("string{}", bounds(value, "minLength", "maxLength", "bytes")),
            },
            "integer" | "number" => format!("{kind}{}", bounds(value, "minimum", "maximum", "")),
            other => other.to_owned(),
        }
    }
}

fn kinds(value: &Value) -> Vec<&str> {
    let kinds = match &value["type"] {
        Value::String(kind) => vec![kind.as_str()],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ if value["properties"].is_object() => vec!["object"],
        _ => Vec::new(),
    };
    kinds.into_iter().filter(|kind| *kind != "null").collect()
}

fn bounds(value: &Value, least: &str, most: &str, of: &str) -> String {
    let of = if of.is_empty() { String::new() } else { format!(" {of}") };
    match (value.get(least).filter(|least| **least != 0), value.get(most)) {
        (Some(least), Some(most)) => format!(", {least} to {most}{of}"),
        (Some(least), None) => format!(", at least {least}{of}"),
        (None, Some(most)) => format!(", at most {most}{of}"),
        (None, None) => String::new(),
    }
}

#[test]
fn a_type_is_named_with_its_bounds() {
    let name = |value: Value| Schema { document: &Value::Null, value: &value }.name();
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(
        name(json(r#"{"type": ["integer", "null"], "minimum": 1, "maximum": 10}"#)),
        "integer, 1 to 10"
    );
    assert_eq!(name(json(r#"{"$ref": "X/JobView"}"#)), "[JobView](#jobview)");
    assert_eq!(name(json(r#"{"type": "array", "items": {"type": "string"}}"#)), "list of string");
    assert_eq!(name(json(r#"{"enum": ["a", null]}"#)), "`\"a\"`");
    assert_eq!(name(json("{}")), "any JSON");
}
