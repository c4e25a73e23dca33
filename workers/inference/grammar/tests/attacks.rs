//! Rules that are too expensive, unsatisfiable, or that readers would interpret differently:
//! rejected soon with the reason, or enforced.

mod small;

use std::time::{Duration, Instant};

use cortex_grammar::{ConstraintError, GrammarError, Halt, Mask, Rule};
use serde_json::{Value, json};
use small::{compiler, feed, fits};

const SOON: Duration = Duration::from_secs(8);

fn schema(schema: Value) -> Rule {
    Rule::JsonSchema(schema)
}

fn rejected(rule: Rule) -> String {
    let begun = Instant::now();
    let error = compiler().compile(&rule).expect_err("the rule is rejected").to_string();
    assert!(begun.elapsed() < SOON, "{error}");
    error
}

/// Forty definitions, each of which refers twice to the previous one.
fn bomb(own: impl Fn(usize) -> Value, twice: &str) -> Value {
    let definitions: Value = (0..40)
        .map(|index| {
            let before = json!({"$ref": format!("#/$defs/d{}", if index == 0 { 40 } else { index - 1 })});
            (format!("d{index}"), json!({ twice: [before, before, own(index)] }))
        })
        .chain([("d40".to_owned(), json!({"type": "object"}))])
        .collect();
    json!({"$defs": definitions, "$ref": "#/$defs/d39"})
}

#[test]
fn a_schema_that_doubles_forty_times_costs_next_to_nothing() {
    let pattern = |index: usize| json!({"properties": {"y7": {"type": "string", "pattern": format!("^a*b{{1,{}}}", index % 5 + 1)}}});
    let numbers = |index: usize| json!({"properties": {format!("n{index}"): {"multipleOf": index + 1}}});
    let closed = |index: usize| json!({"patternProperties": {format!("^x{index}"): {"type": "integer"}}});
    let options = |index: usize| json!({"required": [format!("r{index}")]});
    for (rule, twice) in [
        (bomb(pattern, "allOf"), "allOf"),
        (bomb(numbers, "allOf"), "allOf"),
        (bomb(closed, "allOf"), "allOf"),
        (bomb(options, "anyOf"), "anyOf"),
        (bomb(options, "oneOf"), "oneOf"),
    ] {
        let begun = Instant::now();
        let compiled = compiler().compile(&schema(rule));
        assert!(begun.elapsed() < SOON, "{twice}: {:?} {:?}", begun.elapsed(), compiled.err());
    }
}

#[test]
fn a_cancelled_compilation_ends() {
    let options = |index: usize| json!({"anyOf": [{"required": [format!("a{index}")]}, {"required": [format!("b{index}")]}]});
    let halt = Halt::default();
    halt.cancel();
    let (done, compiled) = std::sync::mpsc::sync_channel(1);
    let rule = schema(json!({"allOf": (0..30).map(options).collect::<Vec<_>>()}));
    compiler().spawn(rule, halt, move |compiled| drop(done.send(compiled))).expect("a thread");
    let error = compiled.recv_timeout(SOON).expect("an end").expect_err("halted").to_string();
    assert!(error.contains("cancelled"), "{error}");
}

#[test]
fn patterns_covered_by_names_are_left_out() {
    for patterns in [
        json!({"^score$": {"type": "number"}}),
        json!({"^(score|name)$": {}}),
        json!({"^score$": {}, "^name$": true}),
    ] {
        let rule = schema(json!({
            "type": "object", "properties": {"score": {"type": "integer"}, "name": {"type": "string"}},
            "patternProperties": patterns, "additionalProperties": false,
        }));
        assert!(fits(&rule, r#"{"score":7}"#), "{rule:?}");
        let mut constraint = compiler().compile(&rule).expect("a sound schema");
        assert_eq!(feed(&mut constraint, r#"{"score":7,"name":"x","#), 21, "{rule:?}");
        assert!(fits(&rule, r#"{"name":"x"}"#) && !fits(&rule, r#"{"score":7,"#));
    }
    // The pattern matches all names, so there are no others.
    assert!(fits(
        &schema(json!({"type": "object", "patternProperties": {".*": {"type": "integer"}}})),
        r#"{"a":1}"#
    ));
}

#[test]
fn empty_languages_are_rejected() {
    for rule in [
        Rule::Regex(r"a[^\s\S]".to_owned()),
        Rule::Lark("start: \"a\" start".to_owned()),
        Rule::Lark("start: \"a\" | \"b\" x\nx: \"c\" x".to_owned()),
        Rule::Lark("start: \"a\" X?\nX: /[^\\s\\S]/".to_owned()),
        schema(json!({"type": "string", "pattern": "^\u{1}+$"})),
        schema(json!({"type": "object", "required": ["a"], "additionalProperties": false})),
        schema(
            json!({"type": "array", "minItems": 1, "items": {"type": "integer", "minimum": 0.1, "maximum": 0.9}}),
        ),
    ] {
        let error = rejected(rule);
        assert!(!error.is_empty());
    }
}

#[test]
fn a_pattern_that_is_too_expensive_per_token_is_rejected_immediately() {
    for pattern in [r"^(?:\S+\s+){0,9}\S+$", r"^(?:[a-z]+ ?){1,40}$", r"^(\w+,)*\w+;(\w+,)*\w+$"] {
        let rule = schema(json!({"type": "string", "pattern": pattern, "maxLength": 1000}));
        let Ok(mut constraint) = compiler().compile(&rule) else { continue };
        let mut mask = Mask::new();
        for byte in b"\"ab cd ef" {
            constraint.mask(&mut mask).expect("a mask inside the string");
            if constraint.accept((*byte).into()).is_err() {
                break;
            }
        }
    }
}

#[test]
fn numbers_are_limited_to_those_that_all_readers_agree_on() {
    let whole = schema(json!({"type": "integer"}));
    assert!(fits(&whole, "9007199254740991") && fits(&whole, "-999999999999999"));
    assert!(!fits(&whole, "9007199254740993") && !fits(&whole, "12345678901234567"));
    let cents = schema(json!({"type": "number", "multipleOf": 0.01}));
    assert!(fits(&cents, "19.99") && fits(&cents, "1234567890123.45"));
    assert!(!fits(&cents, "90071992547409.931") && !fits(&cents, "12345678901234567.89"));
    assert!(!fits(&Rule::JsonObject, r#"{"a":12345678901234567}"#));
    assert!(fits(&Rule::JsonObject, r#"{"a":0.12345678901234}"#));
}

#[test]
fn addresses_are_those_that_common_validators_accept() {
    let rule = schema(json!({"type": "string", "format": "email"}));
    for good in ["\"a@b.co\"", "\"first.last+tag@mail.example.org\""] {
        assert!(fits(&rule, good), "{good}");
    }
    for bad in ["\"a@b\"", "\"a..b@c.de\"", "\".a@b.co\"", "\"a@b.c\"", "\"a@-b.co\"", "\"a@b.1\""] {
        assert!(!fits(&rule, bad), "{bad}");
    }
}

#[test]
fn conditions_are_enforced() {
    let rule = schema(json!({
        "type": "object",
        "properties": {"kind": {"enum": ["a", "b"]}, "x": {"type": "integer"}},
        "required": ["kind"], "additionalProperties": false,
        "if": {"properties": {"kind": {"const": "a"}}},
        "then": {"required": ["x"]}, "else": {"properties": {"x": false}},
    }));
    assert!(fits(&rule, r#"{"kind":"a","x":1}"#) && fits(&rule, r#"{"kind":"b"}"#));
    assert!(!fits(&rule, r#"{"kind":"a"}"#) && !fits(&rule, r#"{"kind":"b","x":1}"#));
    let rule = schema(json!({
        "type": "object", "properties": {"card": {"type": "integer"}, "address": {"type": "string"}},
        "dependencies": {"card": ["address"]}, "additionalProperties": false, "minProperties": 1,
    }));
    assert!(fits(&rule, r#"{"card":1,"address":"x"}"#) && fits(&rule, r#"{"address":"x"}"#));
    assert!(!fits(&rule, r#"{"card":1}"#) && !fits(&rule, "{}"));
    let rule = schema(json!({"type": "string", "not": {"enum": ["no", "never"]}, "maxLength": 6}));
    assert!(
        fits(&rule, "\"yes\"")
            && fits(&rule, "\"nope\"")
            && !fits(&rule, "\"no\"")
            && !fits(&rule, "\"never\"")
    );
    let rule = schema(
        json!({"type": "object", "propertyNames": {"pattern": "^[a-c]+$"}, "additionalProperties": {"type": "null"}}),
    );
    assert!(fits(&rule, r#"{"ab":null}"#) && !fits(&rule, r#"{"d":null}"#));
}

#[test]
fn exactly_one_schema_of_one_of_holds() {
    let rule = schema(json!({
        "type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}, "additionalProperties": false,
        "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
    }));
    assert!(fits(&rule, r#"{"a":1}"#) && fits(&rule, r#"{"b":1}"#));
    assert!(!fits(&rule, r#"{"a":1,"b":1}"#) && !fits(&rule, "{}"));
    let variant = |kind: &str| json!({"type": "object", "properties": {"kind": {"const": kind}, "n": {"type": "integer"}}, "required": ["kind"]});
    let rule = schema(
        json!({"$defs": {"a": variant("a"), "b": variant("b")}, "oneOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/b"}]}),
    );
    assert!(fits(&rule, r#"{"kind":"b","n":2}"#) && !fits(&rule, r#"{"kind":"c"}"#));
    let rule =
        schema(json!({"oneOf": [{"type": "integer", "minimum": 3}, {"type": "integer", "maximum": 5}]}));
    assert!(fits(&rule, "2") && fits(&rule, "6") && !fits(&rule, "4"));
    let rule = schema(
        json!({"oneOf": [{"type": "string", "format": "ipv4"}, {"type": "string", "format": "ipv6"}]}),
    );
    assert!(fits(&rule, "\"1.2.3.4\"") && fits(&rule, "\"::1\""));
}

#[test]
fn partially_enforced_keywords_are_validated_in_the_finished_answer() {
    let broken = |rule: &Rule, text: &str| {
        let mut constraint = compiler().compile(rule).expect("a partially enforced schema");
        let (last, before) = text.as_bytes().split_last().expect("a text");
        assert_eq!(feed(&mut constraint, std::str::from_utf8(before).expect("text")), before.len());
        constraint.accept((*last).into()).err()
    };
    let unique = schema(json!({"type": "array", "items": {"type": "string"}, "uniqueItems": true}));
    assert_eq!(broken(&unique, r#"["a","b"]"#), None);
    let error = broken(&unique, r#"["a","a"]"#).expect("an item comes twice");
    assert!(matches!(&error, ConstraintError::Invalid(error) if error.keyword == "uniqueItems"), "{error}");
    let of = |divisor| json!({"type": "integer", "multipleOf": divisor});
    let one = schema(json!({"type": "array", "items": {"oneOf": [of(2), of(3)]}}));
    assert_eq!(broken(&one, "[4]"), None);
    let error = broken(&one, "[6]").expect("both hold");
    assert!(matches!(&error, ConstraintError::Invalid(error) if error.keyword == "oneOf"), "{error}");
}

#[test]
fn alternatives_with_distinct_patterns_are_enforced_by_the_grammar() {
    let rule =
        schema(json!({"oneOf": [{"type": "string", "pattern": "a"}, {"type": "string", "pattern": "b"}]}));
    assert!(fits(&rule, r#""xa""#) && fits(&rule, r#""b""#));
    assert!(!fits(&rule, r#""ab""#) && !fits(&rule, r#""x""#));
    let rule = schema(json!({"type": "string", "not": {"pattern": "^a"}}));
    assert!(fits(&rule, r#""ba""#) && fits(&rule, r#""""#) && !fits(&rule, r#""ab""#));
    let rule = schema(json!({"type": "string", "pattern": "^(?!all$)(?=.{2,4}$)[a-z]+$"}));
    assert!(fits(&rule, r#""ally""#) && !fits(&rule, r#""all""#) && !fits(&rule, r#""a""#));
}

#[test]
fn long_names_and_constants_do_not_overflow_the_stack() {
    let long = "a".repeat(900_000);
    for rule in [
        schema(json!({"type": "object", "properties": {&long: {}}, "patternProperties": {"a": {}}})),
        schema(json!({"type": "string", "not": {"const": long}})),
        schema(json!({"type": "object", "propertyNames": {"not": {"const": long}}})),
    ] {
        let begun = Instant::now();
        let _ = compiler().compile(&rule);
        assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    }
}

#[test]
fn members_evaluated_only_in_some_cases_are_not_unevaluated() {
    let some = |evaluated: Value| json!({"anyOf": [evaluated], "unevaluatedItems": false});
    for rule in [
        json!({"type": "array", "not": some(json!({"prefixItems": [true]}))}),
        json!({"type": "array", "not": {"contains": {"const": 1}, "unevaluatedItems": false}}),
        json!({"type": "array", "oneOf": [some(json!({"prefixItems": [true]})), {"type": "array"}]}),
    ] {
        let text = rule.to_string();
        if let Ok(mut constraint) = compiler().compile(&schema(rule)) {
            let fed = feed(&mut constraint, "[1");
            assert!(fed < 2 || constraint.accept(b']'.into()).is_err(), "{text}");
        }
    }
}

#[test]
fn several_constraints_on_names_are_enforced() {
    let rule = schema(json!({
        "type": "object",
        "propertyNames": {"pattern": "^(?!x)[a-z]+$", "minLength": 2, "maxLength": 4},
        "patternProperties": {"^a": {"type": "integer"}},
        "additionalProperties": {"type": "boolean"},
    }));
    for (text, fit) in [
        (r#"{"ab":1,"bc":true}"#, true),
        (r#"{"ab":true}"#, false),
        (r#"{"bc":1}"#, false),
        (r#"{"a":1}"#, false),
        (r#"{"abcde":1}"#, false),
        (r#"{"xb":true}"#, false),
    ] {
        assert_eq!(fits(&rule, text), fit, "{text}");
    }
}

#[test]
fn counted_items_come_first() {
    let rule = schema(json!({
        "type": "array", "items": {"type": "integer"}, "contains": {"const": 1}, "minContains": 2, "maxContains": 3,
    }));
    for (text, fit) in
        [("[1,1]", true), ("[1,1,1,0]", true), ("[1]", false), ("[1,1,1,1]", false), ("[1,1,0,1]", false)]
    {
        assert_eq!(fits(&rule, text), fit, "{text}");
    }
    let item = |least: u64, most: u64| {
        schema(json!({"type": "array", "contains": {"const": 1}, "minContains": least, "maxContains": most}))
    };
    assert!(!rejected(item(1, 0)).is_empty() && !rejected(item(2, 1)).is_empty());
    let rule = schema(json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "array", "items": {"type": "integer"}, "contains": {"const": 1}, "minContains": 0,
    }));
    assert!(fits(&rule, "[1]") && !fits(&rule, "[]"));
    let rule = schema(
        json!({"type": "array", "prefixItems": [{"type": "integer"}], "unevaluatedItems": {"type": "null"}}),
    );
    for (text, fit) in [("[1]", true), ("[1,null,null]", true), ("[1,2]", false), ("[null]", false)] {
        assert_eq!(fits(&rule, text), fit, "{text}");
    }
}

#[test]
fn conditions_with_too_many_combinations_are_validated_at_the_end() {
    let dependencies: Value =
        (0..20).map(|index| (format!("a{index}"), json!([format!("b{index}")]))).collect();
    let rule = schema(json!({
        "type": "object", "additionalProperties": {"type": "integer"}, "dependencies": dependencies,
    }));
    let mut constraint = compiler().compile(&rule).expect("a partially enforced schema");
    assert_eq!(feed(&mut constraint, r#"{"a1":1,"b1":2}"#), 15);
    let mut constraint = compiler().compile(&rule).expect("a partially enforced schema");
    assert_eq!(feed(&mut constraint, r#"{"a1":1}"#), 7, "the answer isn't valid without `b1`");
}

#[test]
fn cached_grammars_are_limited_in_bytes() {
    let limits = cortex_grammar::Limits { cache_bytes: 0, ..Default::default() };
    let compiler = cortex_grammar::Compiler::new(small::vocabulary(), limits).expect("a sound vocabulary");
    compiler.compile(&Rule::JsonObject).expect("a sound rule");
    assert!(compiler.find(&Rule::JsonObject).is_none());
    let roomy = small::compiler();
    roomy.compile(&Rule::JsonObject).expect("a sound rule");
    assert!(roomy.find(&Rule::JsonObject).is_some());
    assert!(!matches!(roomy.compile(&Rule::JsonObject), Err(GrammarError::TooComplex { .. })));
}
