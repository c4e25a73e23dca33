//! Reads the keywords of one schema as facts.

use std::rc::Rc;

use serde_json::{Map, Value, json};

use super::document::{Document, Node};
use super::fact::{Contains, Edge, Fact, Items, KeywordFact, Literal, Members, Origin, Pattern};
use super::keyword;
use super::kinds::Kinds;
use super::regexes::{Form, Regexes};
use super::{evaluated, format, number};
use crate::SchemaError;

/// Larger counts are lowered to this as upper bounds, and rejected as lower bounds.
const MAX_COUNTED: u64 = 65_536;
/// How many items an array may be required to contain.
const MAX_CONTAINED: u64 = 64;

/// Why a keyword is not supported; the caller adds the path.
type Fault = String;

pub(super) struct Reader<'r, 'a> {
    pub(super) document: &'r mut Document<'a>,
    pub(super) regexes: &'r mut Regexes,
    /// Draft 3, whose keywords have other meanings.
    pub(super) is_draft_3: bool,
    /// Drafts 3 to 7.
    is_old: bool,
    node: Node,
    facts: Vec<KeywordFact>,
}

impl<'r, 'a> Reader<'r, 'a> {
    pub(super) fn new(document: &'r mut Document<'a>, regexes: &'r mut Regexes, node: Node) -> Self {
        let root = document.root();
        let schema = document.schema(root);
        let draft = schema.get().get("$schema").and_then(Value::as_str);
        let is_draft_3 = draft.is_some_and(|draft| draft.contains("draft-03"));
        let is_old = draft.is_some_and(|draft| draft.contains("draft-0"));
        Self { document, regexes, is_draft_3, is_old, node, facts: Vec::new() }
    }

    /// Returns the schema's facts, in the order of its keywords.
    pub(super) fn read(mut self) -> Result<Vec<KeywordFact>, SchemaError> {
        let schema = self.document.schema(self.node);
        let path = self.document.path(self.node).to_owned();
        let disallow =
            |keyword: &str, why: String| SchemaError { keyword: keyword.to_owned(), path: path.clone(), why };
        match schema.get() {
            Value::Bool(true) => {}
            Value::Bool(false) => self.note("schema", Fact::Kinds(Kinds::NONE)),
            Value::Object(from) => {
                for (keyword, value) in from {
                    self.keyword(keyword, value, from).map_err(|why| disallow(keyword, why))?;
                }
            }
            _ => {
                return Err(disallow(
                    last(&path),
                    "must be a schema, that is, an object or a boolean".to_owned(),
                ));
            }
        }
        Ok(self.facts)
    }

    fn note(&mut self, keyword: &'static str, fact: Fact) {
        self.facts.push(KeywordFact { origin: Origin { node: self.node, keyword }, fact });
    }

    fn keyword(&mut self, name: &str, value: &Value, from: &Map<String, Value>) -> Result<(), Fault> {
        let Some(keyword) = keyword::known(name) else { return Ok(()) };
        match keyword {
            "type" => self.kinds(value)?,
            "const" => self.instances(keyword, std::slice::from_ref(value), &[])?,
            "enum" => {
                let values = value.as_array().filter(|values| !values.is_empty());
                let values = values.ok_or("must be a nonempty array")?;
                self.instances(keyword, values, &["enum"])?;
            }
            "allOf" => {
                for node in self.list(keyword, value)? {
                    self.note(keyword, Fact::Is(node));
                }
            }
            "anyOf" => {
                let options =
                    self.list(keyword, value)?.into_iter().map(|node| vec![Fact::Is(node)]).collect();
                self.note(keyword, Fact::AnyOf(options));
            }
            "oneOf" => {
                let nodes = self.list(keyword, value)?;
                self.note(keyword, Fact::OneOf(nodes.into()));
            }
            "not" => {
                let node = self.document.below(self.node, &[keyword]);
                self.note(keyword, Fact::Not(node, Rc::new([])));
            }
            "if" => self.condition(from),
            "$ref" | "$recursiveRef" | "$dynamicRef" => {
                let reference = value.as_str().ok_or("must be a string")?;
                let node = self.document.referenced(reference, self.node)?;
                self.note(keyword, Fact::Is(node));
            }
            "minLength" => self.note(keyword, Fact::LengthAtLeast(least(value)?)),
            "maxLength" => self.note(keyword, Fact::LengthAtMost(most(value)?)),
            "pattern" => {
                for enforced in self.patterns(value.as_str().ok_or("must be a string")?, Form::All)? {
                    self.note(keyword, Fact::Pattern(Pattern { enforced: enforced.into(), wide: None }));
                }
            }
            "format" => {
                let name = value.as_str().ok_or("must be a string")?;
                if let Some((enforced, wide)) = format::patterns(name) {
                    let pattern = Pattern { enforced: enforced.into(), wide: Some(wide.into()) };
                    self.note(keyword, Fact::Pattern(pattern));
                }
            }
            "minItems" => self.note(keyword, Fact::ItemsAtLeast(least(value)?)),
            "maxItems" => self.note(keyword, Fact::ItemsAtMost(most(value)?)),
            "prefixItems" | "items" => self.items(keyword, value, from)?,
            "contains" => self.contains(from)?,
            "uniqueItems" => match value {
                Value::Bool(true) => self.note(keyword, Fact::Unique),
                Value::Bool(false) => {}
                _ => return Err("must be true or false".to_owned()),
            },
            "properties" | "patternProperties" | "additionalProperties" => self.members(keyword, from)?,
            "unevaluatedProperties" => self.unevaluated(value)?,
            "unevaluatedItems" => self.unevaluated_items(value)?,
            "required" => {
                for name in names(value)? {
                    writable(name)?;
                    self.note(keyword, Fact::Required(name.to_owned()));
                }
            }
            "propertyNames" => {
                let node = self.document.below(self.node, &[keyword]);
                self.note(keyword, Fact::Names(node));
            }
            "minProperties" => self.note(keyword, Fact::MembersAtLeast(least(value)?)),
            "maxProperties" => self.note(keyword, Fact::MembersAtMost(most(value)?)),
            "dependencies" | "dependentRequired" | "dependentSchemas" => self.dependencies(keyword, value)?,
            "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf" => {
                self.number(keyword, value, from)?;
            }
            _ if keyword::is_of_draft_3(keyword) && !self.is_draft_3 => {}
            _ => return Err("not supported".to_owned()),
        }
        Ok(())
    }

    fn kinds(&mut self, value: &Value) -> Result<(), Fault> {
        let names: Vec<&Value> = match value {
            Value::Array(names) => names.iter().collect(),
            name => vec![name],
        };
        let mut kinds = Kinds::NONE;
        let mut whole = true;
        for name in &names {
            let kind = name.as_str().and_then(Kinds::named).ok_or_else(|| format!("{name} is not a type"))?;
            kinds = kinds.or(kind);
            whole &= name.as_str() != Some("number");
        }
        self.note("type", Fact::Kinds(kinds));
        if whole && kinds.has(Kinds::NUMBER) {
            self.note("type", Fact::Whole);
        }
        Ok(())
    }

    /// One of the values; they are at `steps` and their positions.
    fn instances(&mut self, keyword: &'static str, values: &[Value], steps: &[&str]) -> Result<(), Fault> {
        values.iter().try_for_each(instance)?;
        let is_plain = |value: &&Value| !matches!(value, Value::Array(_) | Value::Object(_));
        let plain: Vec<Value> = values.iter().filter(is_plain).cloned().collect();
        if plain.len() == values.len() {
            self.note(keyword, Fact::Only(plain.into()));
            return Ok(());
        }
        let mut options = Vec::new();
        if !plain.is_empty() {
            options.push(vec![Fact::Only(plain.into())]);
        }
        for (place, value) in values.iter().enumerate() {
            let mut path = self.document.path(self.node).to_owned();
            path.extend(steps.iter().map(|step| format!("/{step}")));
            let path = format!("{path}/{keyword}/={place}");
            match value {
                Value::Array(items) => options.push(self.array(&path, items)),
                Value::Object(members) => options.push(self.object(&path, members)),
                _ => {}
            }
        }
        self.note(keyword, Fact::AnyOf(options.into()));
        Ok(())
    }

    fn array(&mut self, path: &str, items: &[Value]) -> Vec<Fact> {
        let constant = |(place, value): (usize, &Value)| {
            Literal::Is(self.document.made(format!("{path}/{place}"), json!({ "const": value })))
        };
        let prefix = items.iter().enumerate().map(constant).collect();
        let length = items.len() as u64;
        vec![
            Fact::Kinds(Kinds::ARRAY),
            Fact::ItemsAtLeast(length),
            Fact::ItemsAtMost(length),
            Fact::Items(Items { prefix, rest: None }),
        ]
    }

    fn object(&mut self, path: &str, members: &Map<String, Value>) -> Vec<Fact> {
        let named = members.iter().enumerate().map(|(place, (name, value))| {
            (name.clone(), self.document.made(format!("{path}/{place}"), json!({ "const": value })))
        });
        let named = named.collect();
        let others = Some(self.document.made("false".to_owned(), Value::Bool(false)));
        let mut facts = vec![
            Fact::Kinds(Kinds::OBJECT),
            Fact::Members(Rc::new(Members { named, patterns: Vec::new(), others })),
        ];
        facts.extend(members.keys().cloned().map(Fact::Required));
        facts
    }

    fn list(&mut self, keyword: &'static str, value: &Value) -> Result<Vec<Node>, Fault> {
        let schemas = value.as_array().filter(|schemas| !schemas.is_empty());
        let count = schemas.ok_or("must be a nonempty array of schemas")?.len();
        Ok((0..count).map(|place| self.document.below(self.node, &[keyword, &place.to_string()])).collect())
    }

    fn condition(&mut self, from: &Map<String, Value>) {
        let condition = self.document.below(self.node, &["if"]);
        let mut then = vec![Fact::Is(condition)];
        let mut otherwise = vec![Fact::Not(condition, Rc::new([]))];
        for (keyword, facts) in [("then", &mut then), ("else", &mut otherwise)] {
            if from.contains_key(keyword) {
                facts.push(Fact::Is(self.document.below(self.node, &[keyword])));
            }
        }
        if from.contains_key("then") || from.contains_key("else") {
            self.note("if", Fact::AnyOf([then, otherwise].into()));
        }
    }

    fn items(
        &mut self,
        keyword: &'static str,
        value: &Value,
        from: &Map<String, Value>,
    ) -> Result<(), Fault> {
        let rest_of = |reader: &mut Self, keyword: &str| {
            from.contains_key(keyword).then(|| Literal::Is(reader.document.below(reader.node, &[keyword])))
        };
        let is_list = value.is_array();
        let items = match keyword {
            "prefixItems" | "items" if is_list => {
                let nodes = if value.as_array().is_some_and(Vec::is_empty) {
                    Vec::new()
                } else {
                    self.list(keyword, value)?
                };
                let rest = match keyword {
                    "items" => rest_of(self, "additionalItems"),
                    _ if from.get("items").is_some_and(Value::is_array) => None,
                    _ => rest_of(self, "items"),
                };
                Items { prefix: nodes.into_iter().map(Literal::Is).collect(), rest }
            }
            "prefixItems" => return Err("must be an array of schemas".to_owned()),
            _ if from.get("prefixItems").is_some_and(Value::is_array) => return Ok(()),
            _ => Items { prefix: Vec::new(), rest: rest_of(self, "items") },
        };
        self.note(keyword, Fact::Items(items));
        Ok(())
    }

    fn contains(&mut self, from: &Map<String, Value>) -> Result<(), Fault> {
        let mut least = from.get("minContains").map(least).transpose()?.unwrap_or(1);
        if self.is_old {
            // This draft doesn't have `minContains`.
            least = least.max(1);
        }
        let most = from.get("maxContains").map(count).transpose()?.filter(|most| *most <= MAX_COUNTED);
        if least.max(most.unwrap_or(0)) > MAX_CONTAINED {
            return Err(format!("must be at most {MAX_CONTAINED}"));
        }
        if least > 0 || most.is_some() {
            let node = self.document.below(self.node, &["contains"]);
            self.note("contains", Fact::Contains(Contains { node, least, most }));
        }
        Ok(())
    }

    /// Reads all keywords about an object's members along with the first of them.
    fn members(&mut self, keyword: &'static str, from: &Map<String, Value>) -> Result<(), Fault> {
        let together = ["properties", "patternProperties", "additionalProperties"];
        let first = from.keys().find(|name| together.contains(&name.as_str()));
        if first.is_none_or(|first| first != keyword) {
            return Ok(());
        }
        let schemas = |keyword: &str| match from.get(keyword) {
            None => Ok(Vec::new()),
            Some(Value::Object(schemas)) => Ok(schemas.keys().cloned().collect()),
            Some(_) => Err(format!("`{keyword}` must be an object of schemas")),
        };
        let mut members = Members::default();
        for name in schemas("properties")? {
            writable(&name)?;
            let node = self.document.below(self.node, &["properties", &name]);
            members.named.push((name, node));
        }
        for source in schemas("patternProperties")? {
            let node = self.document.below(self.node, &["patternProperties", &source]);
            members.patterns.push((self.name_pattern(&source)?, node));
        }
        if from.contains_key("additionalProperties") {
            members.others = Some(self.document.below(self.node, &["additionalProperties"]));
        }
        self.note(keyword, Fact::Members(Rc::new(members)));
        Ok(())
    }

    fn unevaluated(&mut self, value: &Value) -> Result<(), Fault> {
        if *value == Value::Bool(true) {
            return Ok(());
        }
        let names = evaluated::members(self.document, self.node)?;
        let Some(evaluated::Names { named, patterns }) = names else { return Ok(()) };
        let free = self.document.made("true".to_owned(), Value::Bool(true));
        let patterns = patterns.iter().map(|source| Ok((self.name_pattern(source)?, free)));
        let members = Members {
            patterns: patterns.collect::<Result<_, Fault>>()?,
            named: named.into_iter().map(|name| (name, free)).collect(),
            others: Some(self.document.below(self.node, &["unevaluatedProperties"])),
        };
        self.note("unevaluatedProperties", Fact::Members(Rc::new(members)));
        Ok(())
    }

    fn unevaluated_items(&mut self, value: &Value) -> Result<(), Fault> {
        if *value == Value::Bool(true) {
            return Ok(());
        }
        let Some(places) = evaluated::items(self.document, self.node)? else { return Ok(()) };
        let free = self.document.made("true".to_owned(), Value::Bool(true));
        let rest = self.document.below(self.node, &["unevaluatedItems"]);
        let items = Items { prefix: vec![Literal::Is(free); places], rest: Some(Literal::Is(rest)) };
        self.note("unevaluatedItems", Fact::Items(items));
        Ok(())
    }

    fn dependencies(&mut self, keyword: &'static str, value: &Value) -> Result<(), Fault> {
        let dependencies = value.as_object().ok_or("must be an object")?;
        for (name, needs) in dependencies {
            writable(name)?;
            let mut facts = vec![Fact::Required(name.clone())];
            match needs {
                Value::Array(_) => {
                    facts.extend(names(needs)?.into_iter().map(|name| Fact::Required(name.to_owned())))
                }
                Value::String(need) => facts.push(Fact::Required(need.clone())),
                _ => facts.push(Fact::Is(self.document.below(self.node, &[keyword, name]))),
            }
            facts.insert(0, Fact::Kinds(Kinds::OBJECT));
            // If the value isn't an object, no member is required; the first alternative includes
            // that.
            self.note(keyword, Fact::AnyOf([vec![Fact::Absent(name.clone())], facts].into()));
        }
        Ok(())
    }

    fn number(
        &mut self,
        keyword: &'static str,
        value: &Value,
        from: &Map<String, Value>,
    ) -> Result<(), Fault> {
        // In draft 4, a flag makes the other bound exclusive.
        let is_flagged = |keyword: &str| from.get(keyword) == Some(&Value::Bool(true));
        if keyword.starts_with("exclusive") && value.is_boolean() {
            return Ok(());
        }
        let value = value.as_f64().ok_or("must be a number")?;
        if keyword == "multipleOf" {
            number::check_divisor(value)?;
            self.note(keyword, Fact::Multiple(value));
            return Ok(());
        }
        let is_low = matches!(keyword, "minimum" | "exclusiveMinimum");
        let exclusive = match keyword {
            "minimum" => is_flagged("exclusiveMinimum"),
            "maximum" => is_flagged("exclusiveMaximum"),
            _ => true,
        };
        let edge = Edge { value, exclusive };
        if !number::is_exact(value) {
            // A bound far beyond all numbers that readers preserve.
            let is_free = if is_low { value < 0.0 } else { value > 0.0 };
            let beyond = "is beyond 2^53, which JSON readers do not represent exactly".to_owned();
            return if is_free { Ok(()) } else { Err(beyond) };
        }
        self.note(keyword, if is_low { Fact::Low(edge) } else { Fact::High(edge) });
        Ok(())
    }

    fn patterns(&mut self, source: &str, form: Form) -> Result<Vec<String>, Fault> {
        let patterns = self.regexes.translate(source, form);
        patterns.map_err(|why| format!("unsupported pattern {source:?}: {why}"))
    }

    fn name_pattern(&mut self, source: &str) -> Result<String, Fault> {
        Ok(self.patterns(source, Form::One)?.concat())
    }
}

/// Rejects constants that can't be written in a way that readers preserve.
fn instance(value: &Value) -> Result<(), Fault> {
    match value {
        Value::Number(number) if number.as_f64().is_some_and(number::is_exact) => Ok(()),
        Value::Number(_) => {
            Err("contains a number beyond 2^53, which JSON readers do not represent exactly".to_owned())
        }
        Value::String(text) => writable(text),
        Value::Array(values) => values.iter().try_for_each(instance),
        Value::Object(values) => values.iter().try_for_each(|(name, value)| {
            writable(name)?;
            instance(value)
        }),
        Value::Null | Value::Bool(_) => Ok(()),
    }
}

/// Strings are written without numeric escapes, so some control characters can't be written.
fn writable(text: &str) -> Result<(), Fault> {
    let short = ['\n', '\r', '\t', '\u{8}', '\u{c}'];
    match text.chars().find(|character| character.is_ascii_control() && !short.contains(character)) {
        Some(character) => Err(format!("contains the control character {character:?}")),
        None => Ok(()),
    }
}

fn names(value: &Value) -> Result<Vec<&str>, Fault> {
    let names = value.as_array().map(|names| names.iter().map(Value::as_str).collect::<Option<Vec<_>>>());
    names.flatten().ok_or_else(|| "must be an array of strings".to_owned())
}

fn count(value: &Value) -> Result<u64, Fault> {
    let whole =
        value.as_u64().or_else(|| value.as_f64().filter(|n| n.fract() == 0.0 && *n >= 0.0).map(|n| n as u64));
    whole.ok_or_else(|| "must be a non-negative integer".to_owned())
}

fn least(value: &Value) -> Result<u64, Fault> {
    match count(value)? {
        count if count > MAX_COUNTED => Err(format!("is {count} (expected at most {MAX_COUNTED})")),
        count => Ok(count),
    }
}

fn most(value: &Value) -> Result<u64, Fault> {
    Ok(count(value)?.min(MAX_COUNTED))
}

/// The keyword that a path ends below.
fn last(path: &str) -> &str {
    path.rsplit('/')
        .find(|step| step.parse::<usize>().is_err())
        .filter(|step| !step.is_empty())
        .unwrap_or("schema")
}
