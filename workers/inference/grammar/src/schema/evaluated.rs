//! Finds which parts of a value a schema has evaluated, for `unevaluatedProperties` and
//! `unevaluatedItems`.

use serde_json::{Map, Value};

use super::document::{Document, Node};

/// How many schemas are searched.
const MAX_SCHEMAS: usize = 1_000;

#[derive(Default)]
pub(super) struct Names {
    pub(super) named: Vec<String>,
    pub(super) patterns: Vec<String>,
}

/// The names covered by `properties` and `patternProperties` of a schema and of the schemas that
/// always apply along with it; `None` if every name is covered. Schemas that apply only in some
/// cases cover nothing, which allows less rather than more.
pub(super) fn members(document: &mut Document<'_>, node: Node) -> Result<Option<Names>, String> {
    let mut names = Names::default();
    let mut covers_all = false;
    each(document, node, |keywords, is_own| {
        covers_all |= keywords.contains_key("additionalProperties")
            || keywords.contains_key("unevaluatedProperties") && !is_own;
        let keys = |keyword: &str| {
            keywords
                .get(keyword)
                .and_then(Value::as_object)
                .into_iter()
                .flat_map(|schemas| schemas.keys().cloned())
        };
        names.named.extend(keys("properties"));
        names.patterns.extend(keys("patternProperties"));
    })?;
    Ok((!covers_all).then_some(names))
}

/// Visits a schema and those that always apply along with it. The second argument of `see` is true
/// for the schema itself.
fn each(
    document: &mut Document<'_>,
    node: Node,
    mut see: impl FnMut(&Map<String, Value>, bool),
) -> Result<(), String> {
    let mut open = vec![node];
    let mut seen = Vec::new();
    while let Some(node) = open.pop() {
        if seen.contains(&node) {
            continue;
        }
        seen.push(node);
        if seen.len() > MAX_SCHEMAS {
            return Err("involves too many schemas".to_owned());
        }
        let schema = document.schema(node);
        let Value::Object(keywords) = schema.get() else { continue };
        see(keywords, seen.len() == 1);
        if let Some(reference) = keywords.get("$ref").and_then(Value::as_str) {
            open.push(document.referenced(reference, node)?);
        }
        let all = keywords.get("allOf").and_then(Value::as_array).map_or(0, Vec::len);
        open.extend((0..all).map(|place| document.below(node, &["allOf", &place.to_string()])));
    }
    Ok(())
}

/// How many items the schema and those that always apply along with it cover by position; `None` if
/// every item is covered. `contains` is ignored, which allows less rather than more.
pub(super) fn items(document: &mut Document<'_>, node: Node) -> Result<Option<usize>, String> {
    let mut places = 0;
    let mut covers_all = false;
    each(document, node, |keywords, is_own| {
        let list = |keyword: &str| keywords.get(keyword).and_then(Value::as_array).map(Vec::len);
        let has = |keyword: &str| keywords.contains_key(keyword);
        places = places.max(list("prefixItems").unwrap_or(0)).max(list("items").unwrap_or(0));
        covers_all |= has("items") && list("items").is_none()
            || has("additionalItems") && list("items").is_some()
            || has("unevaluatedItems") && !is_own;
    })?;
    Ok((!covers_all).then_some(places))
}
