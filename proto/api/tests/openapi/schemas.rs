//! The document's schemas, for lookups and checks.

use jsonschema::Validator;
use serde_json::{Value, json};

pub(crate) fn document() -> Value {
    cortex_api::openapi::document()
}

/// Returns the schema of a component.
pub(crate) fn component<'a>(document: &'a Value, name: &str) -> &'a Value {
    let schema = &document["components"]["schemas"][name];
    assert!(schema.is_object(), "there is no schema `{name}`");
    schema
}

pub(crate) fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => {
            let pointer = reference.strip_prefix('#').expect("references stay in the document");
            let target = document.pointer(pointer).unwrap_or_else(|| panic!("{reference} leads nowhere"));
            resolve(document, target)
        }
        None => schema,
    }
}

pub(crate) fn validator(document: &Value, name: &str) -> Validator {
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$ref": format!("#/components/schemas/{name}"),
        "components": document["components"],
    });
    jsonschema::validator_for(&schema).unwrap_or_else(|error| panic!("{name} is no schema: {error}"))
}

pub(crate) fn check(validator: &Validator, value: &Value) -> Result<(), String> {
    let errors: Vec<_> =
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    if errors.is_empty() { Ok(()) } else { Err(errors.join("; ")) }
}
