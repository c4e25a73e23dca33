//! The JSON schemas under `docs/configuration/schemas`, which editors read.
//!
//! `CORTEX_BLESS=1 cargo test -p cortex-node --test schemas` rewrites them.
#![allow(clippy::unwrap_used, reason = "a failing test says where")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn schema(name: &str) -> Value {
    let (_, schema) = cortex_node::schemas().into_iter().find(|(other, _)| *other == name).unwrap();
    schema.to_value()
}

/// Sorts the members of all objects, because their order depends on the features of serde_json.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members: BTreeMap<_, _> =
                members.into_iter().map(|(name, value)| (name, sorted(value))).collect();
            Value::Object(members.into_iter().collect())
        }
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}

#[test]
fn the_schemas_of_the_configuration_are_up_to_date() {
    for (name, schema) in cortex_node::schemas() {
        let file = root().join(format!("docs/configuration/schemas/{name}.json"));
        let text = format!("{}\n", serde_json::to_string_pretty(&sorted(schema.to_value())).unwrap());
        if std::env::var("CORTEX_BLESS").is_ok_and(|bless| bless == "1") {
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, text).unwrap();
        } else {
            let kept = std::fs::read_to_string(&file).unwrap_or_default();
            assert!(
                kept == text,
                "{} is stale; run\nCORTEX_BLESS=1 cargo test -p cortex-node --test schemas",
                file.display()
            );
        }
    }
}

#[test]
fn every_file_that_is_built_in_names_its_schema_and_fits_it() {
    for (name, _) in cortex_node::schemas() {
        let file = root().join(format!("deploy/config/{name}.yaml"));
        let text = std::fs::read_to_string(&file).unwrap();
        let line = format!("# yaml-language-server: $schema=../../docs/configuration/schemas/{name}.json");
        assert_eq!(text.lines().next(), Some(line.as_str()), "{name}.yaml");
        let value: Value = cortex_config::parse(&text, &file).unwrap();
        let schema = schema(name);
        let validator = jsonschema::validator_for(&schema).unwrap();
        let faults: Vec<_> = validator.iter_errors(&value).map(|fault| fault.to_string()).collect();
        assert!(faults.is_empty(), "{name}.yaml: {faults:?}");
    }
}

#[test]
fn a_schema_refuses_what_the_reader_refuses() {
    for (name, wrong) in [
        ("pools", "topics: { job.echo: { pool: echo, efects: none } }"),
        ("pools", "topics: { echo: { pool: echo } }"),
        ("timeouts", "{ heartbeat: 2, lease: 10s, default: { run: 5m, attempts: 3 } }"),
        ("safety", "tenants: { dev: { allow: [\"job.a*\"] } }"),
        ("limits", "sharing: { calls: 1, queue: 1 }"),
        ("models", "models: { a: { kind: other, family: bert, files: {}, sources: [] } }"),
    ] {
        let value: Value = cortex_config::parse(wrong, "wrong.yaml").unwrap();
        assert!(!jsonschema::is_valid(&schema(name), &value), "{name}: {wrong}");
    }
}
