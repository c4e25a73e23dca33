//! Generates schemas from a seed: nested, with every supported keyword.

use serde_json::{Map, Value, json};

/// Random numbers from a seed, by the mixer of Steele, Lea and Flood (2014).
#[derive(Debug, Clone)]
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len() as u64) as usize]
    }
}

const NAMES: [&str; 16] = [
    "id",
    "name",
    "größe",
    "a b",
    "quote\"d",
    "tags",
    "e-mail",
    "x",
    "$type",
    "line\nbreak",
    "value",
    "next",
    "back\\slash",
    "日本",
    "count",
    "ok",
];
const PATTERNS: [&str; 14] = [
    "^[a-z]{2,5}$",
    "^\\d{3}-\\d{4}$",
    "^(foo|bar|baz)+$",
    "^[A-Z][a-z]*( [A-Z][a-z]*)?$",
    "ab",
    "^\\w+@\\w+\\.(com|org)$",
    "^\\S{1,4}\\s\\S{1,4}$",
    "^.{1,6}$",
    "^[^\"\\\\]{3}$",
    "^v\\d+(\\.\\d+){0,2}$",
    "^\"quoted\"$",
    "^a\\/b$",
    "^(?:[äöü]|ß){1,3}$",
    "x$",
];
const FORMATS: [&str; 10] =
    ["date-time", "date", "time", "duration", "email", "hostname", "ipv4", "ipv6", "uuid", "uri"];

/// The schema for a seed, including its definitions.
pub(crate) fn generate(seed: u64) -> Value {
    let mut numbers = Numbers(seed.wrapping_mul(0x2545_F491_4F6C_DD1D) ^ 0x00C0_FFEE);
    let mut definitions = Map::new();
    if numbers.chance(30) {
        definitions.insert("leaf".to_owned(), leaf(&mut numbers));
        definitions.insert("pair".to_owned(), object(&mut numbers, 1, false));
        definitions.insert(
            "tree".to_owned(),
            json!({
                "type": "object",
                "properties": {"value": leaf(&mut numbers), "children": {"type": "array", "items": {"$ref": "#/$defs/tree"}, "maxItems": 2}},
                "required": ["value"],
                "additionalProperties": false,
            }),
        );
    }
    let mut schema = schema(&mut numbers, 3, !definitions.is_empty());
    if !definitions.is_empty() {
        schema["$defs"] = Value::Object(definitions);
    }
    schema
}

fn schema(numbers: &mut Numbers, depth: u64, references: bool) -> Value {
    if depth == 0 {
        return leaf(numbers);
    }
    match numbers.below(if references { 13 } else { 11 }) {
        0..=3 => object(numbers, depth, references),
        4 | 5 => array(numbers, depth, references),
        6 => {
            json!({"anyOf": [schema(numbers, depth - 1, references), schema(numbers, depth - 1, references)]})
        }
        7 => one_of(numbers, depth, references),
        8 => all_of(numbers, depth, references),
        9 => json!({"type": ["null", *numbers.pick(&["string", "integer", "boolean"])]}),
        10 => leaf(numbers),
        _ => json!({"$ref": format!("#/$defs/{}", numbers.pick(&["leaf", "pair", "tree"]))}),
    }
}

fn leaf(numbers: &mut Numbers) -> Value {
    match numbers.below(12) {
        0 => json!({"enum": ["red", "grün", "a \"b\"", 7, -0.25, null, true]}),
        1 => {
            json!({"const": numbers.pick(&[json!("fixed"), json!(42), json!(-1.5), json!(null), json!({"a": [1, "x"]}), json!([])])})
        }
        2 => json!({"type": "string", "pattern": numbers.pick(&PATTERNS)}),
        3 => json!({"type": "string", "format": numbers.pick(&FORMATS)}),
        4 => {
            let least = numbers.below(6);
            json!({"type": "string", "minLength": least, "maxLength": least + numbers.below(20)})
        }
        5 => json!({"type": "boolean"}),
        6 | 7 => integer(numbers),
        8 | 9 => number(numbers),
        10 => json!({"type": "string"}),
        _ => json!({"type": "string", "minLength": numbers.below(4), "pattern": "^[a-c]*$"}),
    }
}

fn integer(numbers: &mut Numbers) -> Value {
    let mut schema = json!({"type": "integer"});
    let low = numbers.below(2000) as i64 - 1000;
    if numbers.chance(60) {
        schema[*numbers.pick(&["minimum", "exclusiveMinimum"])] = low.into();
    }
    if numbers.chance(60) {
        schema[*numbers.pick(&["maximum", "exclusiveMaximum"])] =
            (low + 3 + numbers.below(5000) as i64).into();
    }
    if numbers.chance(20) {
        schema = json!({"type": "integer", "minimum": low, "maximum": low + 200, "multipleOf": 1 + numbers.below(20)});
    }
    schema
}

fn number(numbers: &mut Numbers) -> Value {
    let mut schema = json!({"type": "number"});
    let low = (numbers.below(4000) as f64 - 2000.0) / 16.0;
    if numbers.chance(50) {
        schema[*numbers.pick(&["minimum", "exclusiveMinimum"])] = low.into();
    }
    if numbers.chance(50) {
        schema[*numbers.pick(&["maximum", "exclusiveMaximum"])] =
            (low + 0.5 + numbers.below(100) as f64).into();
    }
    if numbers.chance(15) {
        schema = json!({"type": "number", "minimum": 0, "maximum": 100, "multipleOf": numbers.pick(&[0.5, 0.25, 2.0])});
    }
    schema
}

fn object(numbers: &mut Numbers, depth: u64, references: bool) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for _ in 0..1 + numbers.below(5) {
        let name = *numbers.pick(&NAMES);
        properties.insert(name.to_owned(), schema(numbers, depth - 1, references));
        if numbers.chance(60) && !required.contains(&json!(name)) {
            required.push(json!(name));
        }
    }
    let every = properties.len() == required.len();
    let mut schema_ = json!({"type": "object", "properties": properties, "required": required});
    match numbers.below(10) {
        0..=4 => schema_["additionalProperties"] = false.into(),
        5 | 6 => schema_["additionalProperties"] = leaf(numbers),
        7 => {
            schema_["patternProperties"] =
                json!({"^x-[a-z]{1,3}$": leaf(numbers), "^\\d+$": {"type": "integer"}});
            schema_["additionalProperties"] = false.into();
        }
        8 if every => {
            schema_["minProperties"] = (required_count(&schema_) + numbers.below(2)).into();
            schema_["maxProperties"] = (required_count(&schema_) + 2).into();
            schema_["additionalProperties"] = json!({"type": "boolean"});
        }
        _ => {}
    }
    schema_
}

fn required_count(schema: &Value) -> u64 {
    schema["required"].as_array().map_or(0, |names| names.len() as u64)
}

fn array(numbers: &mut Numbers, depth: u64, references: bool) -> Value {
    let mut schema_ = json!({"type": "array"});
    if numbers.chance(30) {
        schema_["prefixItems"] = json!([schema(numbers, depth - 1, references), leaf(numbers)]);
    }
    match numbers.below(6) {
        0 => schema_["items"] = false.into(),
        1 => {}
        _ => schema_["items"] = schema(numbers, depth - 1, references),
    }
    if schema_["items"] != json!(false) && numbers.chance(50) {
        let least = numbers.below(3);
        schema_["minItems"] = least.into();
        schema_["maxItems"] = (least + numbers.below(4)).into();
    }
    schema_
}

fn one_of(numbers: &mut Numbers, depth: u64, references: bool) -> Value {
    let mut branch = |kind: &str| {
        json!({
            "type": "object",
            "properties": {"kind": {"const": kind}, "body": schema(numbers, depth - 1, references)},
            "required": ["kind", "body"],
            "additionalProperties": false,
        })
    };
    json!({"oneOf": [branch("first"), branch("second"), {"type": "null"}]})
}

fn all_of(numbers: &mut Numbers, depth: u64, references: bool) -> Value {
    json!({
        "type": "object",
        "allOf": [
            {"properties": {"left": schema(numbers, depth - 1, references)}, "required": ["left"]},
            {"properties": {"right": leaf(numbers), "range": {"type": "integer", "minimum": 0}}, "required": ["right"]},
        ],
        "properties": {"range": {"type": "integer", "maximum": 99}},
    })
}
