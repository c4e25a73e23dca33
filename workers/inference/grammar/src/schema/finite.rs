use std::collections::HashMap;

use serde_json::{Map, Value};

/// The definitions that no finite value satisfies, by name: those that require themselves.
pub(super) fn endless(definitions: &Map<String, Value>) -> Vec<&str> {
    let mut known: HashMap<&str, bool> = definitions.keys().map(|name| (name.as_str(), false)).collect();
    loop {
        let before = known.values().filter(|ends| **ends).count();
        for (name, schema) in definitions {
            let ends = can_end(schema, &known);
            known.insert(name, ends);
        }
        if known.values().filter(|ends| **ends).count() == before {
            break;
        }
    }
    definitions.keys().map(String::as_str).filter(|name| !known[name]).collect()
}

fn can_end(schema: &Value, known: &HashMap<&str, bool>) -> bool {
    let Value::Object(keywords) = schema else { return true };
    if keywords.contains_key("const") || keywords.contains_key("enum") {
        return true;
    }
    let schemas = |keyword: &str| {
        keywords.get(keyword).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    };
    let any = |keyword: &str| {
        schemas(keyword).is_empty() || schemas(keyword).iter().any(|schema| can_end(schema, known))
    };
    let reference =
        keywords.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix("#/$defs/"));
    reference.is_none_or(|name| known.get(name).copied().unwrap_or(true))
        && schemas("allOf").iter().all(|schema| can_end(schema, known))
        && any("anyOf")
        && any("oneOf")
        && match keywords.get("type").and_then(Value::as_str) {
            Some("object") => object_can_end(keywords, known),
            Some("array") => array_can_end(keywords, known),
            _ => true,
        }
}

fn object_can_end(keywords: &Map<String, Value>, known: &HashMap<&str, bool>) -> bool {
    let required = keywords.get("required").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    required.iter().filter_map(Value::as_str).all(|name| {
        let property = keywords.get("properties").and_then(|properties| properties.get(name));
        property.or_else(|| keywords.get("additionalProperties")).is_none_or(|schema| can_end(schema, known))
    })
}

fn array_can_end(keywords: &Map<String, Value>, known: &HashMap<&str, bool>) -> bool {
    let least = keywords.get("minItems").and_then(Value::as_u64).unwrap_or(0) as usize;
    let prefix = keywords.get("prefixItems").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let rest = if least > prefix.len() { keywords.get("items") } else { None };
    prefix.iter().take(least).chain(rest).all(|schema| can_end(schema, known))
}
