//! Finds the keyword that the parser refuses: replaces schemas by `true` and takes keywords out until the rest
//! compiles.

use serde_json::Value;

use super::pointer::{child, find, of_reference};
use super::{compiles, rewritten};
use crate::{Limits, SchemaError};

/// Attempts in all; what isn't found by then is blamed on the schema that was reached.
const ATTEMPTS: usize = 300;

/// Without these almost anything compiles, so they are suspected last.
const BROAD: [&str; 5] = ["type", "properties", "required", "items", "prefixItems"];

pub(super) fn of(root: &Value, limits: &Limits, why: String) -> SchemaError {
    let mut search = Search { root, limits, left: ATTEMPTS };
    let mut path = String::new();
    let mut visited = Vec::new();
    while let Some(below) = search.guilty_child(&path) {
        // A recursive schema comes back to where the search has been.
        if visited.contains(&below) {
            break;
        }
        visited.push(below.clone());
        path = below;
    }
    let keyword = search.guilty_keyword(&path).unwrap_or_else(|| "schema".to_owned());
    SchemaError { keyword, path, why }
}

struct Search<'a> {
    root: &'a Value,
    limits: &'a Limits,
    left: usize,
}

impl Search<'_> {
    fn guilty_child(&mut self, path: &str) -> Option<String> {
        children(self.root, path).into_iter().find(|below| match alternative(below) {
            Some((list, index)) => !self.innocent_with(|root| {
                if let Some(Value::Array(schemas)) = root.pointer_mut(list) {
                    *schemas = vec![schemas.swap_remove(index)];
                }
            }),
            None => self.innocent_with(|root| {
                if let Some(schema) = root.pointer_mut(below) {
                    *schema = Value::Bool(true);
                }
            }),
        })
    }

    fn guilty_keyword(&mut self, path: &str) -> Option<String> {
        let mut keywords: Vec<String> = find(self.root, path)?.as_object()?.keys().cloned().collect();
        keywords.sort_by_key(|keyword| BROAD.contains(&keyword.as_str()));
        keywords.into_iter().find(|keyword| {
            self.innocent_with(|root| {
                if let Some(Value::Object(keywords)) = root.pointer_mut(path) {
                    keywords.shift_remove(keyword);
                }
            })
        })
    }

    fn innocent_with(&mut self, change: impl FnOnce(&mut Value)) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        let mut changed = self.root.clone();
        change(&mut changed);
        rewritten(&changed, self.limits).is_ok_and(|prepared| compiles(&prepared, self.limits).is_ok())
    }
}

/// The list and index of a schema that is one of several; such a one is guilty where it can't be compiled as the only one.
fn alternative(path: &str) -> Option<(&str, usize)> {
    let (list, index) = path.rsplit_once('/')?;
    (list.ends_with("/anyOf") || list.ends_with("/oneOf")).then_some(())?;
    Some((list, index.parse().ok()?))
}

/// Pointers of the schemas directly within the one at `path`.
fn children(root: &Value, path: &str) -> Vec<String> {
    let Some(Value::Object(keywords)) = find(root, path) else { return Vec::new() };
    let mut found = Vec::new();
    for (keyword, value) in keywords {
        let below = child(path, keyword);
        match (keyword.as_str(), value) {
            ("properties" | "patternProperties", Value::Object(schemas)) => {
                found.extend(schemas.keys().map(|name| child(&below, name)));
            }
            ("allOf" | "anyOf" | "oneOf" | "prefixItems" | "items", Value::Array(schemas)) => {
                found.extend((0..schemas.len()).map(|index| child(&below, &index.to_string())));
            }
            ("items" | "additionalItems" | "additionalProperties", _) => found.push(below),
            ("$ref", Value::String(reference)) => {
                found.extend(of_reference(reference).filter(|target| !target.is_empty()))
            }
            _ => {}
        }
    }
    found
}
