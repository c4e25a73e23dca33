//! Generates values of a schema. The values may break rules that involve several members.

use proptest::strategy::{Strategy, ValueTree};
use proptest::string::string_regex;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};

use crate::random::Random;
use crate::schemas::resolve;

pub(crate) struct Generator<'a> {
    document: &'a Value,
    random: Random,
    runner: TestRunner,
}

const TIMES: [&str; 4] = [
    "2026-11-20T23:36:30Z",
    "2026-11-21T01:36:30.123456+02:00",
    "1970-01-01T00:00:00Z",
    "2000-02-29T00:00:00.5-05:30",
];
const TEXTS: [&str; 7] = ["", "a", "hello", "ü", "日本語", "line\nbreak", "\u{1f600}"];

impl<'a> Generator<'a> {
    pub(crate) fn new(document: &'a Value, seed: u64) -> Self {
        Self { document, random: Random::new(seed), runner: TestRunner::deterministic() }
    }

    pub(crate) fn value(&mut self, schema: &Value) -> Value {
        let schema = resolve(self.document, schema);
        if let Some(value) = schema.get("const") {
            return value.clone();
        }
        if let Some(values) = schema["enum"].as_array() {
            return self.random.pick(values).clone();
        }
        let options = schema["anyOf"].as_array().or(schema["oneOf"].as_array());
        if let (None, Some(options)) = (schema.get("type"), options) {
            let option = self.random.pick(options).clone();
            return self.value(&option);
        }
        let kind = match &schema["type"] {
            Value::String(kind) => kind.as_str(),
            Value::Array(kinds) => self.random.pick(kinds).as_str().expect("a type is a name"),
            _ => return self.anything(),
        };
        match kind {
            "null" => Value::Null,
            "boolean" => self.random.one_in(2).into(),
            "integer" => self.integer(schema),
            "number" => self.number(schema),
            "string" => self.string(schema).into(),
            "array" => self.array(schema),
            "object" => self.object(schema),
            other => panic!("the generator knows no type `{other}`"),
        }
    }

    fn anything(&mut self) -> Value {
        let all =
            [json!(null), json!(1), json!("x"), json!([1, "a", {}]), json!({"a": {"b": null}}), json!(1.5)];
        self.random.pick(&all).clone()
    }

    fn integer(&mut self, schema: &Value) -> Value {
        let least = schema["minimum"].as_i64().unwrap_or(0);
        let most = schema["maximum"].as_i64().unwrap_or(1 << 53);
        let between = least.saturating_add_unsigned(self.random.next() % most.abs_diff(least).max(1));
        let number = *self.random.pick(&[least, most, between, least.saturating_add(1).min(most)]);
        let exact = number.unsigned_abs() < 1 << 53;
        // JSON Schema treats a whole number with a fraction of zero as an integer.
        if exact && self.random.one_in(4) { json!(number as f64) } else { json!(number) }
    }

    fn number(&mut self, schema: &Value) -> Value {
        let open = schema["exclusiveMinimum"].as_f64();
        let least = schema["minimum"].as_f64().or(open.map(|open| open + 0.001)).unwrap_or(0.0);
        let most = schema["maximum"].as_f64().unwrap_or(1e6);
        let between = least + (most - least) * self.random.below(1000) as f64 / 1000.0;
        json!(*self.random.pick(&[least, most, between]))
    }

    fn string(&mut self, schema: &Value) -> String {
        let least = schema["minLength"].as_u64().unwrap_or(0) as usize;
        let most = schema["maxLength"].as_u64().map_or(usize::MAX, |most| most as usize);
        if schema["format"] == "date-time" {
            return (*self.random.pick(&TIMES)).to_owned();
        }
        if let Some(pattern) = schema["pattern"].as_str() {
            let inner = pattern.trim_start_matches('^').trim_end_matches('$');
            let strategy = string_regex(inner).unwrap_or_else(|error| panic!("{pattern}: {error}"));
            let text =
                strategy.new_tree(&mut self.runner).expect("a pattern that something matches").current();
            return text.chars().take(most).collect();
        }
        let text = (*self.random.pick(&TEXTS)).to_owned();
        let text = if text.chars().count() < least { "x".repeat(least) } else { text };
        text.chars().take(most).collect()
    }

    fn array(&mut self, schema: &Value) -> Value {
        let least = schema["minItems"].as_u64().unwrap_or(0) as usize;
        let most = schema["maxItems"].as_u64().map_or(least + 3, |most| (most as usize).min(least + 3));
        let count = least + self.random.below(most - least + 1);
        (0..count).map(|_| self.value(&schema["items"])).collect()
    }

    fn object(&mut self, schema: &Value) -> Value {
        let mut object = Map::new();
        let required: Vec<_> = schema["required"].as_array().into_iter().flatten().collect();
        for (name, member) in schema["properties"].as_object().into_iter().flatten() {
            if required.iter().any(|required| *required == name) || self.random.one_in(4) {
                object.insert(name.clone(), self.value(member));
            }
        }
        match &schema["additionalProperties"] {
            more @ Value::Object(_) => {
                for _ in 0..self.random.below(3) {
                    let name = self.string(&schema["propertyNames"]);
                    object.insert(name, self.value(more));
                }
            }
            Value::Bool(false) => {}
            _ if schema["properties"].is_null() => {
                object.insert("some".to_owned(), self.anything());
            }
            _ => {}
        }
        Value::Object(object)
    }
}
