use serde_json::{Value, json};

use super::prepare;
use crate::Limits;

fn refused(schema: Value) -> (String, String) {
    let error = prepare(&schema, &Limits::default()).expect_err("the schema can't be kept");
    (error.keyword, error.path)
}

fn pair(keyword: &str, path: &str) -> (String, String) {
    (keyword.to_owned(), path.to_owned())
}

#[test]
fn a_keyword_that_a_grammar_cannot_keep_is_named_with_its_path() {
    let within =
        |schema: Value| json!({"type": "object", "properties": {"a/b": {"type": "array", "items": schema}}});
    let path = "/properties/a~1b/items";
    for keyword in ["not", "if", "contains", "propertyNames", "unevaluatedProperties", "dependentRequired"] {
        assert_eq!(refused(within(json!({keyword: {}}))), pair(keyword, path));
    }
    assert_eq!(refused(within(json!({"uniqueItems": true}))), pair("uniqueItems", path));
    assert_eq!(refused(within(json!({"type": "strnig"}))), pair("type", path));
    assert_eq!(refused(within(json!({"type": "string", "format": "iban"}))), pair("format", path));
    assert_eq!(refused(within(json!({"enum": []}))), pair("enum", path));
    assert_eq!(refused(within(json!({"const": 9_007_199_254_740_993_u64}))), pair("const", path));
    assert_eq!(refused(within(json!({"const": "\u{1}"}))), pair("const", path));
    assert_eq!(refused(within(json!({"minLength": -1}))), pair("minLength", path));
    assert_eq!(refused(within(json!({"$ref": "#/$defs/none"}))), pair("$ref", path));
    assert_eq!(refused(within(json!({"$ref": "https://example.com/schema"}))), pair("$ref", path));
    assert_eq!(
        refused(within(json!({"type": "number", "minimum": 3, "exclusiveMaximum": 3}))),
        pair("exclusiveMaximum", path)
    );
    assert_eq!(
        refused(within(json!({"type": "integer", "minimum": 1, "maximum": 4, "multipleOf": 5}))),
        pair("multipleOf", path)
    );
    assert_eq!(refused(within(json!({"type": "object", "minProperties": 2}))), pair("minProperties", path));
    assert_eq!(refused(within(json!(7))), pair("items", path));
}

#[test]
fn what_only_the_parser_refuses_is_found_too() {
    let path = "/properties/a/anyOf/1";
    let within =
        |schema: Value| json!({"type": "object", "properties": {"a": {"anyOf": [{"type": "null"}, schema]}}});
    assert_eq!(refused(within(json!({"type": "string", "pattern": "(?=x)y"}))), pair("pattern", path));
    assert_eq!(refused(within(json!({"type": "string", "pattern": "("}))), pair("pattern", path));
    let overlapping = json!({"oneOf": [{"type": "integer"}, {"type": "integer", "minimum": 3}]});
    assert_eq!(refused(within(overlapping)), pair("oneOf", path));
    let optional =
        json!({"type": "object", "properties": {"x": true, "y": true}, "maxProperties": 1, "required": []});
    assert_eq!(refused(within(optional)), pair("maxProperties", path));
    let behind = json!({"$defs": {"bad": {"type": "string", "pattern": "(?!x)"}}, "$ref": "#/$defs/bad"});
    assert_eq!(refused(behind), pair("pattern", "/$defs/bad"));
}

#[test]
fn a_schema_that_requires_itself_is_refused() {
    let list = json!({
        "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}, "required": ["next"]}},
        "$ref": "#/$defs/node",
    });
    assert_eq!(refused(list), pair("$ref", "/$defs/node"));
    assert_eq!(refused(json!({"$ref": "#"})), pair("$ref", ""));
    let optional = json!({"type": "object", "properties": {"next": {"$ref": "#"}}});
    assert!(prepare(&optional, &Limits::default()).is_ok());
}

#[test]
fn size_and_depth_have_bounds() {
    let mut deep = json!({"type": "string"});
    for _ in 0..200 {
        deep = json!({"type": "array", "items": deep});
    }
    let error = prepare(&deep, &Limits::default()).expect_err("too deep");
    assert!(error.why.contains("deeper than 128"), "{error}");
    let wide: Value = (0..6000).map(|index| (format!("p{index}"), json!({"type": "null"}))).collect();
    let error =
        prepare(&json!({"type": "object", "properties": wide}), &Limits::default()).expect_err("too many");
    assert!(error.why.contains("more than 5000"), "{error}");
    let long = json!({"const": "x".repeat(300_000)});
    assert!(prepare(&long, &Limits::default()).expect_err("too long").why.contains("262144 bytes"));
}

#[test]
fn annotations_and_unknown_keywords_do_not_matter() {
    let schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "t", "x-guidance": {"lenient": true}, "nullable": true,
        "type": "string", "uniqueItems": false,
    });
    let prepared = prepare(&schema, &Limits::default()).expect("nothing bears on validity");
    assert_eq!(prepared["x-guidance"]["lenient"], Value::Null);
    assert!(prepared.get("nullable").is_none());
}

#[test]
fn references_are_followed_through_escapes() {
    let schema = json!({
        "definitions": {"a/b c": {"type": "string", "pattern": "[+"}},
        "properties": {"x": {"$ref": "#/definitions/a~1b%20c"}},
    });
    assert_eq!(refused(schema), pair("pattern", "/definitions/a~1b c"));
}
