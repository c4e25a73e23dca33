//! The schemas of the document, derived from the types of bodies and answers as their operations name them.

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// Collects the components that operations refer to.
pub(super) struct Schemas {
    bodies: SchemaGenerator,
    answers: SchemaGenerator,
}

impl Schemas {
    pub(super) fn new() -> Self {
        let settings = || {
            SchemaSettings::draft2020_12().with(|settings| {
                settings.definitions_path = "/components/schemas".into();
                settings.transforms = vec![];
            })
        };
        Self {
            bodies: settings().for_deserialize().into_generator(),
            answers: settings().for_serialize().into_generator(),
        }
    }

    /// Returns the schema of what a request may hold.
    pub(super) fn body<T: JsonSchema>(&mut self) -> Value {
        tidied(self.bodies.subschema_for::<T>(), &[&tidy])
    }

    /// Returns the schema of what an answer holds.
    pub(super) fn answer<T: JsonSchema>(&mut self) -> Value {
        tidied(self.answers.subschema_for::<T>(), &[&tidy, &as_written])
    }

    /// Returns the components by their names.
    ///
    /// # Panics
    /// If a body and an answer of one name differ: give one of them another name.
    pub(super) fn components(mut self) -> Map<String, Value> {
        let mut all = Map::new();
        let bodies =
            self.bodies.take_definitions(false).into_iter().map(|named| (named, &[&tidy as Tidy] as &[_]));
        let answers = self
            .answers
            .take_definitions(false)
            .into_iter()
            .map(|named| (named, &[&tidy as Tidy, &as_written] as &[_]));
        for ((name, schema), steps) in bodies.chain(answers) {
            let schema = Schema::try_from(schema).expect("a schema is an object or a boolean");
            let schema = tidied(schema, steps);
            let before = all.insert(name.clone(), schema.clone());
            assert!(before.is_none_or(|before| before == schema), "two schemas have the name {name}");
        }
        all
    }
}

type Tidy<'a> = &'a dyn Fn(&mut Schema);

fn tidied(mut schema: Schema, steps: &[Tidy<'_>]) -> Value {
    for step in steps {
        RecursiveTransform(|schema: &mut Schema| step(schema)).transform(&mut schema);
    }
    schema.to_value()
}

/// Says what holds for every reader of JSON, and in the words of the document.
fn tidy(schema: &mut Schema) {
    // Of a number Rust's width says nothing that its bounds do not.
    let is_number = |kind: &Value| kind == "integer" || kind == "number";
    if schema.get("type").is_some_and(|kind| is_number(kind) || kind.get(0).is_some_and(is_number)) {
        schema.remove("format");
    }
    if schema.get("additionalProperties") == Some(&json!(true)) {
        schema.remove("additionalProperties");
    }
    for member in properties(schema).into_iter().flat_map(Map::values_mut) {
        if *member == json!(true) {
            *member = json!({});
        }
    }
    if schema.get("items") == Some(&json!(true)) {
        schema.remove("items");
    }
    // What follows the first paragraph of a doc comment is for programmers.
    if let Some(text) = schema.get("description").and_then(Value::as_str) {
        let text = text.split("\n\n").next().unwrap_or_default().replace('\n', " ");
        schema.insert("description".to_owned(), text.into());
    }
}

/// A member of an answer that may be left out is left out rather than null, and has no default.
fn as_written(schema: &mut Schema) {
    let required = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    for (name, member) in properties(schema).into_iter().flatten() {
        let Some(member) = member.as_object_mut() else { continue };
        member.remove("default");
        if !required.contains(&Value::from(name.as_str())) {
            never_null(member);
        }
    }
}

fn never_null(member: &mut Map<String, Value>) {
    if let Some(Value::Array(kinds)) = member.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [kind] = kinds.as_slice() {
            let kind = kind.clone();
            member.insert("type".to_owned(), kind);
        }
    }
    if let Some(Value::Array(options)) = member.get_mut("anyOf") {
        options.retain(|option| option["type"] != "null");
        if let [Value::Object(only)] = options.as_mut_slice() {
            let only = std::mem::take(only);
            member.remove("anyOf");
            member.extend(only);
        }
    }
}

fn properties(schema: &mut Schema) -> Option<&mut Map<String, Value>> {
    schema.get_mut("properties").and_then(Value::as_object_mut)
}
