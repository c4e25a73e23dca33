//! Checks the document as a whole.

use std::collections::BTreeSet;

use cortex_api::openapi;
use cortex_api::routes::{Access, ROUTES, ServedBy};
use serde_json::Value;

use crate::schemas::{document, resolve, validator};

#[test]
fn the_text_that_is_checked_in_is_the_latest() {
    let text = openapi::text();
    if std::env::var("CORTEX_BLESS").is_ok_and(|bless| bless == "1") {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
        std::fs::write(path, &text).expect("the document can be written");
        return;
    }
    assert!(
        openapi::TEXT == text,
        "docs/openapi.json is not the latest: rewrite it by\n\
         CORTEX_BLESS=1 cargo test -p cortex-api --test openapi the_text_that_is_checked_in_is_the_latest"
    );
}

#[test]
fn the_document_has_the_routes_of_the_table_and_no_other() {
    let document = document();
    let documented: BTreeSet<_> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| {
            methods.as_object().unwrap().keys().map(move |method| (method.to_uppercase(), path.clone()))
        })
        .collect();
    let table: BTreeSet<_> =
        ROUTES.iter().map(|info| (info.method.as_str().to_owned(), info.path.replace("{*", "{"))).collect();
    assert_eq!(documented, table);
}

#[test]
fn an_operation_says_who_may_call_it_and_where() {
    let document = document();
    for info in ROUTES {
        let path = info.path.replace("{*", "{");
        let operation = &document["paths"][&path][info.method.as_str().to_ascii_lowercase()];
        let security = operation["security"].as_array().unwrap();
        assert_eq!(security.is_empty(), info.access() == Access::Public, "{path}");
        assert_eq!(operation["x-served-by"].is_null(), info.served_by() == ServedBy::Both, "{path}");
        assert_eq!(operation["requestBody"].is_object(), info.body.is_json(), "{path}");
        let named = path.contains('{');
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        assert_eq!(
            parameters.filter(|parameter| parameter["in"] == "path").count(),
            usize::from(named),
            "{path}"
        );
        assert!(
            operation["responses"].as_object().unwrap().keys().any(|status| status.starts_with('2')),
            "{path}"
        );
    }
    let ids: BTreeSet<_> = ROUTES
        .iter()
        .map(|info| &document["paths"][info.path.replace("{*", "{")][info.method.as_str().to_ascii_lowercase()]["operationId"])
        .map(Value::to_string)
        .collect();
    assert_eq!(ids.len(), ROUTES.len(), "each operation has an id of its own");
}

#[test]
fn every_reference_leads_somewhere_and_every_schema_is_one() {
    let document = document();
    let mut used = BTreeSet::new();
    references(&document, &mut |reference| {
        resolve(&document, reference);
        used.insert(reference["$ref"].as_str().unwrap().to_owned());
    });
    for name in document["components"]["schemas"].as_object().unwrap().keys() {
        validator(&document, name);
        assert!(used.contains(&format!("#/components/schemas/{name}")), "{name} has no use");
    }
}

fn references(value: &Value, found: &mut impl FnMut(&Value)) {
    if value["$ref"].is_string() {
        found(value);
    }
    match value {
        Value::Object(members) => members.values().for_each(|member| references(member, found)),
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}
