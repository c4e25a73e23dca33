//! `docs/configuration/`: a page for each configuration file, from its JSON schema and the file
//! that is built in.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::generated::{check, nothing_else, read};
use crate::page::Page;
use crate::schema::Schema;

const FOLDER: &str = "docs/configuration";

/// Each file, the flag and the variable that name another one.
const FILES: [(&str, &str, &str); 5] = [
    ("pools", "--pools", "POOL_CONFIG_PATH"),
    ("timeouts", "--timeouts", "TIMEOUT_CONFIG_PATH"),
    ("safety", "--safety", "SAFETY_POLICY_PATH"),
    ("limits", "--limits", "LIMITS_CONFIG_PATH"),
    ("models", "--models", "MODELS_PATH"),
];

#[test]
fn the_pages_of_the_configuration_are_up_to_date() {
    let mut pages = BTreeMap::from([(format!("{FOLDER}/README.md"), overview())]);
    for (name, flag, variable) in FILES {
        pages.insert(format!("{FOLDER}/{name}.md"), page(name, flag, variable));
    }
    check(&pages);
    // The test of the environment writes its own page.
    pages.insert(format!("{FOLDER}/environment.md"), String::new());
    nothing_else(FOLDER, &pages);
}

fn schema(name: &str) -> Value {
    serde_json::from_str(&read(&format!("{FOLDER}/schemas/{name}.json"))).unwrap()
}

fn overview() -> String {
    let mut page = Page::generated("Configuration");
    page.paragraph(
        "The files in `deploy/config` are built into the program. Your own file, which a flag or a \
         variable names, replaces a built-in file completely. If a file has an unknown key, the program prints the file, the \
         key and the line, and exits with code 78.",
    );
    let rows: Vec<_> = FILES
        .iter()
        .map(|(name, flag, variable)| {
            let schema = schema(name);
            let meaning = schema["description"].as_str().unwrap();
            let meaning = meaning.split_once(": ").map_or(meaning, |(_, rest)| rest);
            vec![
                format!("[`{name}.yaml`]({name}.md)"),
                format!("`{flag}`"),
                format!("`{variable}`"),
                capital(meaning),
            ]
        })
        .collect();
    page.table(&["file", "flag", "variable", "meaning"], &rows);
    page.paragraph("[Environment variables](environment.md) lists every variable that the programs read.");
    page.heading(2, "In an editor");
    page.paragraph(
        "`schemas/` holds a JSON schema for each file. An editor with the YAML language server checks a file against the schema \
         that its first line names:",
    );
    page.code("yaml", "# yaml-language-server: $schema=../../docs/configuration/schemas/limits.json");
    page.text()
}

fn page(name: &str, flag: &str, variable: &str) -> String {
    let document = schema(name);
    let path = format!("deploy/config/{name}.yaml");
    let text = read(&path);
    let built_in: Value = cortex_config::parse(&text, &path).unwrap();
    let mut page = Page::generated(&format!("`{name}.yaml`"));
    let schema = Schema { document: &document, value: &document };
    let meaning = schema.description();
    page.paragraph(&capital(meaning.split_once(": ").map_or(meaning.as_str(), |(_, rest)| rest)));
    page.paragraph(&format!(
        "Flag: `{flag}`. Variable: `{variable}`. Schema: [schemas/{name}.json](schemas/{name}.json). Dots separate the names of \
         nested keys, and `NAME` is a name that you choose.",
    ));
    let mut rows = Vec::new();
    write_keys(schema, "", Some(&built_in), &mut rows);
    page.table(&["key", "type", "required", "built in", "meaning"], &rows);
    // The catalogue is long, and its page is not the place to read it.
    if name != "models" {
        page.heading(2, "The built-in file");
        let lines = text.lines().filter(|line| !line.starts_with("# yaml-language-server"));
        page.code("yaml", &lines.collect::<Vec<_>>().join("\n"));
    } else {
        page.paragraph(&format!("The built-in file is [{path}](../../{path})."));
    }
    page.text()
}

/// Adds a row for each key, and for the keys inside it.
fn write_keys(schema: Schema<'_>, above: &str, value: Option<&Value>, rows: &mut Vec<Vec<String>>) {
    for field in schema.fields() {
        let key = format!("{above}{}", field.name);
        let given = value.and_then(|value| value.get(field.name));
        write_key(field.schema, &key, field.required, given, rows);
    }
}

fn write_key(
    schema: Schema<'_>,
    key: &str,
    required: bool,
    value: Option<&Value>,
    rows: &mut Vec<Vec<String>>,
) {
    let inner = schema.not_null();
    let inside = inner.resolved();
    let map = inside.members();
    let alternatives = inside.alternatives();
    let kind = if map.is_some() {
        "object by name".to_owned()
    } else if inside.value["properties"].is_object() {
        "object".to_owned()
    } else if inside.value["items"]["$ref"].is_string() {
        "list".to_owned()
    } else if !alternatives.is_empty() {
        let names = alternatives.iter().map(|alternative| alternative.name());
        names.collect::<Vec<_>>().join(" or ")
    } else {
        inside.name()
    };
    rows.push(vec![
        format!("`{key}`"),
        kind,
        if required { "yes".to_owned() } else { String::new() },
        value.filter(|value| !value.is_object() && !value.is_array()).map_or(String::new(), |value| {
            match value {
                Value::String(text) => format!("`{text}`"),
                other => format!("`{other}`"),
            }
        }),
        described(schema, &alternatives),
    ]);
    if let Some(member) = map {
        let key = format!("{key}.NAME");
        let member = inside.at(member);
        if member.resolved().value["properties"].is_object() {
            write_keys(member.resolved(), &format!("{key}."), None, rows);
        } else {
            rows.push(vec![
                format!("`{key}`"),
                member.name(),
                String::new(),
                String::new(),
                member.description(),
            ]);
        }
    } else if inside.value["items"].is_object() {
        let item = inside.at(&inside.value["items"]).resolved();
        for alternative in item.alternatives() {
            let fields = alternative.fields();
            match fields.as_slice() {
                [only] => {
                    let key = format!("{key}[].{}", only.name);
                    let meaning = alternative.description();
                    rows.push(vec![
                        format!("`{key}`"),
                        "string".to_owned(),
                        String::new(),
                        String::new(),
                        meaning,
                    ]);
                    if only.schema.resolved().value["properties"].is_object() {
                        rows.last_mut().unwrap()[1] = "object".to_owned();
                        write_keys(only.schema.resolved(), &format!("{key}."), None, rows);
                    }
                }
                _ => {
                    let meaning = alternative.description();
                    rows.push(vec![
                        format!("`{key}[]`"),
                        alternative.name(),
                        String::new(),
                        String::new(),
                        meaning,
                    ]);
                }
            }
        }
    } else {
        write_keys(inside, &format!("{key}."), value, rows);
    }
}

/// Returns the meaning of a key, and that of each value it may have.
fn described(schema: Schema<'_>, alternatives: &[Schema<'_>]) -> String {
    let mut lines = vec![schema.description()];
    for alternative in alternatives.iter().filter(|alternative| !alternative.description().is_empty()) {
        lines.push(format!("{}: {}", alternative.name(), alternative.description()));
    }
    lines.join("\n")
}

fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or(String::new(), |first| format!("{}{}", first.to_uppercase(), rest.as_str()))
}
