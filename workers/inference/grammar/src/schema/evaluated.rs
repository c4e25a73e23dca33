//! Which members of an object a schema has said something of, for `unevaluatedProperties`.

use serde_json::Value;

use super::document::{Document, Node};

/// Schemas that are looked into.
const MOST: usize = 1_000;

#[derive(Default)]
pub(super) struct Names {
    pub(super) named: Vec<String>,
    pub(super) patterns: Vec<String>,
}

/// The names that `properties` and `patternProperties` of a schema cover, with those of the schemas that always hold beside it;
/// `None` where every name is covered. What holds only in some cases covers nothing, so that less is let through rather than
/// more.
pub(super) fn members(document: &mut Document<'_>, node: Node) -> Result<Option<Names>, String> {
    let mut names = Names::default();
    let mut open = vec![node];
    let mut seen = Vec::new();
    while let Some(node) = open.pop() {
        if seen.contains(&node) {
            continue;
        }
        seen.push(node);
        if seen.len() > MOST {
            return Err("covers too many schemas".to_owned());
        }
        let held = document.held(node);
        let Value::Object(keywords) = held.get() else { continue };
        let covers_all = keywords.contains_key("additionalProperties")
            || seen.len() > 1 && keywords.contains_key("unevaluatedProperties");
        if covers_all {
            return Ok(None);
        }
        let keys = |keyword: &str| {
            keywords
                .get(keyword)
                .and_then(Value::as_object)
                .into_iter()
                .flat_map(|schemas| schemas.keys().cloned())
        };
        names.named.extend(keys("properties"));
        names.patterns.extend(keys("patternProperties"));
        if let Some(reference) = keywords.get("$ref").and_then(Value::as_str) {
            open.push(document.referenced(reference, node)?);
        }
        let all = keywords.get("allOf").and_then(Value::as_array).map_or(0, Vec::len);
        open.extend((0..all).map(|place| document.below(node, &["allOf", &place.to_string()])));
    }
    Ok(Some(names))
}
