use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::keyword::{TYPES, is_refused};
use super::pointer::{child, find, of_reference};
use super::{finite, format, number, pattern};
use crate::{Limits, SchemaError};

/// Lengths and counts beyond this are cut to it where they are upper bounds and refused where they are lower ones.
const MOST_COUNTED: u64 = 65_536;

/// Why a keyword can't be kept; the walk knows the path.
#[derive(Debug)]
pub(super) struct Refusal {
    keyword: String,
    why: String,
}

impl Refusal {
    pub(super) fn new(keyword: impl Into<String>, why: impl Into<String>) -> Self {
        Self { keyword: keyword.into(), why: why.into() }
    }

    fn at(self, path: &str) -> SchemaError {
        SchemaError { keyword: self.keyword, path: path.to_owned(), why: self.why }
    }
}

/// The schema with its references as definitions of its own and without what doesn't bear on validity.
pub(super) fn rewrite(root: &Value, limits: &Limits) -> Result<Value, SchemaError> {
    let mut walk = Walk { root, limits, schemas: 0, definitions: Map::new(), names: HashMap::new() };
    let mut schema = walk.schema(root, "", 0)?;
    let mut definitions = walk.definitions;
    definitions.insert("root".to_owned(), schema.clone());
    if let Some(name) = finite::endless(&definitions).first() {
        let path = walk.names.iter().find(|(_, known)| known == name).map(|(path, _)| path.clone());
        let why = "no finite value satisfies it: it requires itself".to_owned();
        return Err(SchemaError { keyword: "$ref".to_owned(), path: path.unwrap_or_default(), why });
    }
    definitions.remove("root");
    if schema == Value::Bool(true) {
        schema = json!({});
    }
    if let Value::Object(keywords) = &mut schema {
        keywords.insert("$defs".to_owned(), Value::Object(definitions));
    }
    Ok(schema)
}

struct Walk<'a> {
    root: &'a Value,
    limits: &'a Limits,
    schemas: usize,
    definitions: Map<String, Value>,
    /// Pointers of definitions that have been met, with the names that they get.
    names: HashMap<String, String>,
}

impl Walk<'_> {
    fn schema(&mut self, schema: &Value, path: &str, depth: usize) -> Result<Value, SchemaError> {
        self.schemas += 1;
        let refuse = |why: String| Refusal::new(last(path), why).at(path);
        if self.schemas > self.limits.schemas {
            return Err(refuse(format!("the schema holds more than {} schemas", self.limits.schemas)));
        }
        if depth > self.limits.depth {
            return Err(refuse(format!("schemas nest deeper than {}", self.limits.depth)));
        }
        match schema {
            Value::Bool(_) => Ok(schema.clone()),
            Value::Object(keywords) => self.keywords(keywords, path, depth),
            _ => Err(refuse("must be a schema, which is an object or a boolean".to_owned())),
        }
    }

    fn keywords(
        &mut self,
        from: &Map<String, Value>,
        path: &str,
        depth: usize,
    ) -> Result<Value, SchemaError> {
        let mut to = Map::new();
        let mut patterns = Vec::new();
        for (keyword, value) in from {
            let refuse = |why: &str| Refusal::new(keyword, why).at(path);
            let kept = match keyword.as_str() {
                "type" => kind(value).map_err(|refusal| refusal.at(path))?,
                "const" => {
                    instance(keyword, value).map_err(|refusal| refusal.at(path))?;
                    value.clone()
                }
                "enum" => {
                    let values = value.as_array().filter(|values| !values.is_empty());
                    let values = values.ok_or_else(|| refuse("must be an array of at least one value"))?;
                    values
                        .iter()
                        .try_for_each(|value| instance(keyword, value))
                        .map_err(|refusal| refusal.at(path))?;
                    value.clone()
                }
                "allOf" | "anyOf" | "oneOf" | "prefixItems" => self.schemas(keyword, value, path, depth)?,
                "items" if value.is_array() => self.schemas(keyword, value, path, depth)?,
                "items" | "additionalItems" | "additionalProperties" => {
                    self.schema(value, &child(path, keyword), depth + 1)?
                }
                "properties" | "patternProperties" => self.named(keyword, value, path, depth)?,
                "required" => names(value).map_err(|refusal| refusal.at(path))?,
                "minLength" | "minItems" | "minProperties" => {
                    count(keyword, value, u64::MAX).map_err(|refusal| refusal.at(path))?
                }
                "maxLength" | "maxItems" | "maxProperties" => {
                    count(keyword, value, MOST_COUNTED).map_err(|refusal| refusal.at(path))?
                }
                "pattern" => {
                    patterns
                        .push(pattern::translate(value.as_str().ok_or_else(|| refuse("must be a string"))?));
                    continue;
                }
                "format" => {
                    let name = value.as_str().ok_or_else(|| refuse("must be a string"))?;
                    let known = format::pattern(name);
                    patterns.push(known.ok_or_else(|| refuse(&format!("the format {name:?} isn't known")))?);
                    continue;
                }
                "$ref" => self.reference(value, path, depth)?,
                "uniqueItems" if value == &Value::Bool(false) => continue,
                keyword if is_refused(keyword) => return Err(refuse("a grammar can't keep it")),
                _ => continue,
            };
            to.insert(keyword.clone(), kept);
        }
        number::rewrite(from, &mut to).map_err(|refusal| refusal.at(path))?;
        strings(patterns, &mut to);
        properties(&to).map_err(|refusal| refusal.at(path))?;
        Ok(Value::Object(to))
    }

    fn schemas(
        &mut self,
        keyword: &str,
        value: &Value,
        path: &str,
        depth: usize,
    ) -> Result<Value, SchemaError> {
        let schemas = value.as_array().filter(|schemas| !schemas.is_empty());
        let schemas = schemas
            .ok_or_else(|| Refusal::new(keyword, "must be an array of at least one schema").at(path))?;
        let below = child(path, keyword);
        let mut kept = Vec::with_capacity(schemas.len());
        for (index, schema) in schemas.iter().enumerate() {
            kept.push(self.schema(schema, &child(&below, &index.to_string()), depth + 1)?);
        }
        Ok(Value::Array(kept))
    }

    fn named(
        &mut self,
        keyword: &str,
        value: &Value,
        path: &str,
        depth: usize,
    ) -> Result<Value, SchemaError> {
        let schemas = value.as_object();
        let schemas =
            schemas.ok_or_else(|| Refusal::new(keyword, "must be an object of schemas").at(path))?;
        let below = child(path, keyword);
        let mut kept = Map::new();
        for (name, schema) in schemas {
            let schema = self.schema(schema, &child(&below, name), depth + 1)?;
            let name = if keyword == "properties" {
                writable(keyword, name).map_err(|refusal| refusal.at(path))?;
                name.clone()
            } else {
                pattern::translate(name)
            };
            kept.insert(name, schema);
        }
        Ok(Value::Object(kept))
    }

    fn reference(&mut self, value: &Value, path: &str, depth: usize) -> Result<Value, SchemaError> {
        let refuse = |why: String| Refusal::new("$ref", why).at(path);
        let reference = value.as_str().ok_or_else(|| refuse("must be a string".to_owned()))?;
        let target = of_reference(reference)
            .ok_or_else(|| refuse(format!("{reference:?} isn't a JSON pointer within this schema")))?;
        let name = match self.names.get(&target) {
            Some(name) => name.clone(),
            None => {
                let root = self.root;
                let schema = find(root, &target)
                    .ok_or_else(|| refuse(format!("there is nothing at {reference:?}")))?;
                let name = format!("s{}", self.names.len());
                self.names.insert(target.clone(), name.clone());
                let schema = self.schema(schema, &target, depth + 1)?;
                self.definitions.insert(name.clone(), schema);
                name
            }
        };
        Ok(Value::from(format!("#/$defs/{name}")))
    }
}

fn kind(value: &Value) -> Result<Value, Refusal> {
    let known = |value: &Value| value.as_str().is_some_and(|name| TYPES.contains(&name));
    let fits = match value {
        Value::Array(kinds) => !kinds.is_empty() && kinds.iter().all(known),
        kind => known(kind),
    };
    if fits { Ok(value.clone()) } else { Err(Refusal::new("type", format!("{value} isn't a type"))) }
}

/// Refuses constants that can't be written so that readers see them.
fn instance(keyword: &str, value: &Value) -> Result<(), Refusal> {
    match value {
        Value::Number(number) => number::check_exact(keyword, number.as_f64().unwrap_or(f64::INFINITY)),
        Value::String(text) => writable(keyword, text),
        Value::Array(values) => values.iter().try_for_each(|value| instance(keyword, value)),
        Value::Object(values) => values.iter().try_for_each(|(name, value)| {
            writable(keyword, name)?;
            instance(keyword, value)
        }),
        Value::Null | Value::Bool(_) => Ok(()),
    }
}

/// Strings are written without escapes by number, so some control characters can't be.
fn writable(keyword: &str, text: &str) -> Result<(), Refusal> {
    let short = ['\n', '\r', '\t', '\u{8}', '\u{c}'];
    match text.chars().find(|character| character.is_ascii_control() && !short.contains(character)) {
        Some(character) => Err(Refusal::new(keyword, format!("holds the control character {character:?}"))),
        None => Ok(()),
    }
}

fn names(value: &Value) -> Result<Value, Refusal> {
    let names = value.as_array().filter(|names| names.iter().all(Value::is_string));
    let names = names.ok_or_else(|| Refusal::new("required", "must be an array of strings"))?;
    names.iter().filter_map(Value::as_str).try_for_each(|name| writable("required", name))?;
    Ok(value.clone())
}

fn count(keyword: &str, value: &Value, cut: u64) -> Result<Value, Refusal> {
    let whole =
        value.as_u64().or_else(|| value.as_f64().filter(|n| n.fract() == 0.0 && *n >= 0.0).map(|n| n as u64));
    let count = whole.ok_or_else(|| Refusal::new(keyword, "must be a whole number from 0"))?.min(cut);
    if count > MOST_COUNTED {
        return Err(Refusal::new(keyword, format!("is {count}, at most {MOST_COUNTED} can be asked for")));
    }
    Ok(Value::from(count))
}

/// All patterns must match.
fn strings(mut patterns: Vec<String>, to: &mut Map<String, Value>) {
    let Some(first) = patterns.pop() else { return };
    to.insert("pattern".to_owned(), Value::from(first));
    if patterns.is_empty() {
        return;
    }
    let more = patterns.into_iter().map(|pattern| json!({ "pattern": pattern }));
    match to.get_mut("allOf").and_then(Value::as_array_mut) {
        Some(all) => all.extend(more),
        None => {
            to.insert("allOf".to_owned(), more.collect());
        }
    }
}

/// A grammar counts names and not different names, so no more may be asked for than can't be the same.
fn properties(to: &Map<String, Value>) -> Result<(), Refusal> {
    let least = to.get("minProperties").and_then(Value::as_u64).unwrap_or(0);
    let required = to.get("required").and_then(Value::as_array).map_or(0, |names| names.len() as u64);
    if least > required + 1 {
        return Err(Refusal::new(
            "minProperties",
            "asks for more than one property that isn't required by name",
        ));
    }
    Ok(())
}

fn last(path: &str) -> &str {
    path.rsplit('/')
        .find(|step| step.parse::<usize>().is_err())
        .filter(|step| !step.is_empty())
        .unwrap_or("schema")
}
