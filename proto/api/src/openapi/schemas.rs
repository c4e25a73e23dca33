//! The schemas of the document, derived from the types of bodies and responses.

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

    /// Returns the schema of a request body.
    pub(super) fn body<T: JsonSchema>(&mut self) -> Value {
        tidied(self.bodies.subschema_for::<T>(), &[&tidy])
    }

    /// Returns the schema of a response body.
    pub(super) fn answer<T: JsonSchema>(&mut self) -> Value {
        tidied(self.answers.subschema_for::<T>(), &[&tidy, &as_written])
    }

    /// Returns the components by name.
    ///
    /// # Panics
    /// If a body and a response have the same name but different schemas. Rename one of them.
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
            assert!(before.is_none_or(|before| before == schema), "duplicate schema name {name}");
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

/// Removes details that only matter to Rust.
fn tidy(schema: &mut Schema) {
    // The width of a Rust integer adds nothing to its bounds.
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
    // Only the first paragraph of a doc comment is for callers.
    if let Some(text) = schema.get("description").and_then(Value::as_str) {
        let text = text.split("\n\n").next().unwrap_or_default().replace('\n', " ");
        schema.insert("description".to_owned(), text.into());
    }
}

/// An optional member of a response is missing rather than null, and has no default.
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
