use serde_json::{Value, json};

use super::{Halt, prepare};
use crate::{Limits, SchemaError};

fn written(schema: &Value) -> Result<Value, SchemaError> {
    prepare(schema, &Limits::default(), &Halt::default()).map(|prepared| prepared.schema)
}

fn rejected(schema: Value) -> (String, String) {
    let error = written(&schema).expect_err("the schema can't be kept");
    (error.keyword, error.path)
}

fn pair(keyword: &str, path: &str) -> (String, String) {
    (keyword.to_owned(), path.to_owned())
}

#[test]
fn an_unsupported_keyword_is_named_with_its_path() {
    let within =
        |schema: Value| json!({"type": "object", "properties": {"a/b": {"type": "array", "items": schema}}});
    let path = "/properties/a~1b/items";
    for keyword in ["propertyNames", "contains"] {
        assert_eq!(
            rejected(within(json!({keyword: 7}))).1.split("/items").next(),
            path.split("/items").next()
        );
    }
    assert_eq!(rejected(within(json!({"type": "strnig"}))), pair("type", path));
    assert_eq!(rejected(within(json!({"format": 7}))), pair("format", path));
    assert_eq!(rejected(within(json!({"enum": []}))), pair("enum", path));
    assert_eq!(rejected(within(json!({"const": 9_007_199_254_740_993_u64}))), pair("const", path));
    assert_eq!(rejected(within(json!({"const": "\u{1}"}))), pair("const", path));
    assert_eq!(rejected(within(json!({"minLength": -1}))), pair("minLength", path));
    assert_eq!(rejected(within(json!({"$ref": "#/$defs/none"}))), pair("$ref", path));
    assert_eq!(rejected(within(json!({"$ref": "https://example.com/schema"}))), pair("$ref", path));
    assert_eq!(rejected(within(json!({"type": "object", "minProperties": 2}))), pair("minProperties", path));
    assert_eq!(rejected(within(json!({"pattern": "(x)\\1"}))), pair("pattern", path));
    assert_eq!(rejected(within(json!({"pattern": "("}))), pair("pattern", path));
    assert_eq!(rejected(within(json!(7))), pair("items", path));
    let behind = json!({"$defs": {"bad": {"type": "string", "pattern": "(?>x)"}}, "$ref": "#/$defs/bad"});
    assert_eq!(rejected(behind), pair("pattern", "/$defs/bad"));
}

#[test]
fn unsatisfiable_parts_are_left_out_or_rejected_if_required() {
    let optional = |schema: Value| json!({"type": "object", "properties": {"a": schema, "b": true}});
    let needed = |schema: Value| json!({"type": "object", "properties": {"a": schema}, "required": ["a"]});
    for (schema, keyword) in [
        (json!({"type": "number", "minimum": 3, "exclusiveMaximum": 3}), "exclusiveMaximum"),
        (json!({"type": "integer", "minimum": 1, "maximum": 4, "multipleOf": 5}), "multipleOf"),
        (json!({"type": "integer", "minimum": 0.2, "maximum": 0.8}), "maximum"),
        (json!({"type": "string", "pattern": "^\u{1}$"}), "pattern"),
        (json!({"type": "string", "pattern": "^a+$", "enum": ["b"]}), "enum"),
        (json!({"allOf": [{"type": "string"}, {"type": "integer"}]}), "type"),
        (json!({"type": "object", "required": ["x"], "properties": {"x": false}}), "schema"),
        (json!({"not": {}}), "not"),
    ] {
        let written = written(&optional(schema.clone())).expect("the member can be left out");
        assert!(written.to_string().contains("\"a\":false"), "{schema}: {written}");
        let (found, path) = rejected(needed(schema.clone()));
        assert!(path.starts_with("/properties/a"), "{schema}: {found} at {path}");
        let _ = keyword;
    }
}

#[test]
fn a_schema_that_requires_itself_is_rejected() {
    let list = json!({
        "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}, "required": ["next"]}},
        "$ref": "#/$defs/node",
    });
    assert_eq!(rejected(list).0, "$ref");
    assert_eq!(rejected(json!({"$ref": "#"})), pair("$ref", ""));
    let circle = json!({"$defs": {"a": {"allOf": [{"$ref": "#/$defs/b"}]}, "b": {"anyOf": [{"$ref": "#/$defs/a"}]}}, "$ref": "#/$defs/a"});
    assert_eq!(rejected(circle).0, "$ref");
    assert!(written(&json!({"type": "object", "properties": {"next": {"$ref": "#"}}})).is_ok());
}

#[test]
fn size_and_depth_are_limited() {
    let mut deep = json!({"type": "string"});
    for _ in 0..600 {
        deep = json!({"type": "array", "items": deep});
    }
    let error = written(&deep).expect_err("too deep");
    assert!(error.why.contains("nested too deeply"), "{error}");
    let wide: Value = (0..40_000).map(|index| (format!("p{index}"), json!({"type": "null"}))).collect();
    let error = written(&json!({"type": "object", "properties": wide})).expect_err("too many");
    assert!(error.why.contains("more than 30000"), "{error}");
    let long = json!({"const": "x".repeat(5_000_000)});
    assert!(written(&long).expect_err("too long").why.contains("4194304 bytes"));
}

#[test]
fn definitions_cost_what_they_contain_and_not_what_they_expand_to() {
    let definitions: Value = (0..40)
        .map(|index| {
            let before = json!({"$ref": format!("#/$defs/d{}", index - 1)});
            let own = json!({"properties": {"y7": {"type": "string", "pattern": format!("^a*b{{{}}}", index % 7)}}});
            let all = if index == 0 { json!([own]) } else { json!([before, before, own]) };
            (format!("d{index}"), json!({ "allOf": all }))
        })
        .collect();
    let schema = json!({"$defs": definitions, "$ref": "#/$defs/d39"});
    assert!(written(&schema).expect("forty patterns").to_string().len() < 10_000);
}

#[test]
fn endless_combinations_are_rejected_soon() {
    let pair = |index: usize| {
        json!({"anyOf": [
            {"properties": {format!("a{index}"): {"type": "string"}}, "required": [format!("a{index}")]},
            {"properties": {format!("b{index}"): {"type": "string"}}, "required": [format!("b{index}")]},
        ]})
    };
    let schema = json!({"type": "object", "allOf": (0..40).map(pair).collect::<Vec<_>>()});
    let (keyword, _) = rejected(schema);
    assert_eq!(keyword, "anyOf");
}

#[test]
fn annotations_and_keywords_for_other_types_do_not_matter() {
    let schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "t", "x-guidance": {"lenient": true}, "nullable": true,
        "type": "string", "uniqueItems": false, "format": "int32", "minimum": 5, "divisibleBy": 3,
    });
    let written = written(&schema).expect("nothing bears on validity");
    assert_eq!(written["x-guidance"]["lenient"], Value::Null);
    assert_eq!(written["type"], "string");
    assert_eq!(written["format"], Value::Null);
    assert_eq!(written["pattern"], Value::Null);
}

#[test]
fn references_are_followed_through_escapes_anchors_and_identifiers() {
    let bad = json!({"type": "string", "pattern": "[+"});
    let schema = json!({
        "definitions": {"a/b c": bad},
        "properties": {"x": {"$ref": "#/definitions/a~1b%20c"}},
    });
    assert_eq!(rejected(schema), pair("pattern", "/definitions/a~1b c"));
    let anchor = json!({"$defs": {"x": {"$anchor": "here", "allOf": [bad]}}, "$ref": "#here"});
    assert_eq!(rejected(anchor), pair("pattern", "/$defs/x/allOf/0"));
    let named = json!({"$id": "https://a.b/c.json", "$defs": {"x": bad}, "$ref": "c.json#/$defs/x"});
    assert_eq!(rejected(named), pair("pattern", "/$defs/x"));
}

#[test]
fn an_unsatisfiable_root_names_a_keyword() {
    let error = written(&json!({"type": "string", "not": {"type": "string"}})).expect_err("no value");
    assert_eq!(error.keyword, "not");
    let error = written(&json!({"type": "integer", "not": {"multipleOf": 2}})).expect_err("no grammar");
    assert_eq!((error.keyword.as_str(), error.why.as_str()), ("not", "not supported"));
}
