//! Numbers the schemas of a document and resolves references in it.

use std::collections::HashMap;
use std::rc::Rc;

use serde_json::Value;

use super::pointer::{child, find, of_fragment};

/// A schema of the document, or one made from a constant in it.
pub(super) type Node = u32;

/// A schema in the document, or one that we made.
#[derive(Clone)]
pub(super) enum SchemaValue<'a> {
    Given(&'a Value),
    Made(Rc<Value>),
}

impl SchemaValue<'_> {
    pub(super) fn get(&self) -> &Value {
        match self {
            Self::Given(value) => value,
            Self::Made(value) => value,
        }
    }
}

pub(super) struct Document<'a> {
    root: &'a Value,
    nodes: Vec<(SchemaValue<'a>, String)>,
    by_path: HashMap<String, Node>,
    /// Pointers by anchor (as `#name`) and by identifier.
    names: Option<HashMap<String, String>>,
}

impl<'a> Document<'a> {
    pub(super) fn new(root: &'a Value) -> Self {
        Self { root, nodes: Vec::new(), by_path: HashMap::new(), names: None }
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn root(&mut self) -> Node {
        self.add(String::new(), SchemaValue::Given(self.root))
    }

    pub(super) fn schema(&self, node: Node) -> SchemaValue<'a> {
        self.nodes[node as usize].0.clone()
    }

    pub(super) fn path(&self, node: Node) -> &str {
        &self.nodes[node as usize].1
    }

    /// A schema within a schema, by keyword and the steps below it.
    pub(super) fn below(&mut self, node: Node, steps: &[&str]) -> Node {
        let path = steps.iter().fold(self.path(node).to_owned(), |path, step| child(&path, step));
        if let Some(&known) = self.by_path.get(&path) {
            return known;
        }
        let schema = match self.schema(node) {
            SchemaValue::Given(value) => {
                SchemaValue::Given(steps.iter().fold(value, |value, step| step_into(value, step)))
            }
            SchemaValue::Made(value) => {
                let value = steps.iter().fold(&*value, |value, step| step_into(value, step));
                SchemaValue::Made(Rc::new(value.clone()))
            }
        };
        self.add(path, schema)
    }

    /// Adds a schema of our own under a path that no schema of the document has.
    pub(super) fn made(&mut self, path: String, schema: Value) -> Node {
        if let Some(&known) = self.by_path.get(&path) {
            return known;
        }
        self.add(path, SchemaValue::Made(Rc::new(schema)))
    }

    /// Resolves a reference.
    ///
    /// # Errors
    /// Fails with the reason if it doesn't refer to a schema in this document.
    pub(super) fn referenced(&mut self, reference: &str, from: Node) -> Result<Node, String> {
        let from = self.path(from).to_owned();
        let pointer = self.target(reference, &from)?;
        let root = self.root;
        let schema = find(root, &pointer).ok_or_else(|| format!("{reference:?} does not exist"))?;
        Ok(match self.by_path.get(&pointer) {
            Some(&known) => known,
            None => self.add(pointer, SchemaValue::Given(schema)),
        })
    }

    fn target(&mut self, reference: &str, from: &str) -> Result<String, String> {
        let elsewhere = || format!("{reference:?} is outside this schema");
        let (base, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let resource = match base {
            "" => self.resource_of(from),
            _ => self.identified(base).ok_or_else(elsewhere)?,
        };
        if fragment.is_empty() || fragment == "/" {
            return Ok(resource);
        }
        if fragment.starts_with('/') {
            let pointer = of_fragment(fragment).ok_or_else(elsewhere)?;
            let within = format!("{resource}{pointer}");
            return Ok(if find(self.root, &within).is_some() { within } else { pointer });
        }
        self.names().get(&format!("#{fragment}")).cloned().ok_or_else(elsewhere)
    }

    /// The pointer of the innermost schema with an identifier that contains a path.
    fn resource_of(&self, path: &str) -> String {
        let mut inner = path;
        while !inner.is_empty() {
            let id = find(self.root, inner).and_then(identifier);
            if id.is_some_and(|id| !id.starts_with('#') && id.contains(':')) {
                return inner.to_owned();
            }
            inner = inner.rsplit_once('/').map_or("", |(outer, _)| outer);
        }
        String::new()
    }

    fn identified(&mut self, base: &str) -> Option<String> {
        let root = identifier(self.root).unwrap_or_default().trim_end_matches('#').to_owned();
        let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        let joined = format!("{folder}/{}", base.trim_start_matches("./"));
        if !root.is_empty() && (base == root || joined == root) {
            return Some(String::new());
        }
        let names = self.names();
        names.get(base).or_else(|| names.get(&joined)).cloned()
    }

    fn names(&mut self) -> &HashMap<String, String> {
        let root = self.root;
        self.names.get_or_insert_with(|| {
            let mut names = HashMap::new();
            collect(root, String::new(), &mut names);
            names
        })
    }

    fn add(&mut self, path: String, schema: SchemaValue<'a>) -> Node {
        let node = *self.by_path.entry(path.clone()).or_insert(self.nodes.len() as Node);
        if node as usize == self.nodes.len() {
            self.nodes.push((schema, path));
        }
        node
    }
}

fn step_into<'v>(value: &'v Value, step: &str) -> &'v Value {
    let inner = match value {
        Value::Array(values) => step.parse::<usize>().ok().and_then(|index| values.get(index)),
        value => value.get(step),
    };
    inner.unwrap_or(&Value::Null)
}

fn identifier(schema: &Value) -> Option<&str> {
    schema.get("$id").or_else(|| schema.get("id")).and_then(Value::as_str)
}

/// The document's depth has already been checked.
fn collect(value: &Value, path: String, names: &mut HashMap<String, String>) {
    match value {
        Value::Object(members) => {
            for keyword in ["$anchor", "$dynamicAnchor"] {
                if let Some(name) = members.get(keyword).and_then(Value::as_str) {
                    names.entry(format!("#{name}")).or_insert_with(|| path.clone());
                }
            }
            if let Some(id) = identifier(value).filter(|id| !id.is_empty()) {
                let id = if id.starts_with('#') { id } else { id.trim_end_matches('#') };
                names.entry(id.to_owned()).or_insert_with(|| path.clone());
            }
            for (name, member) in members {
                collect(member, child(&path, name), names);
            }
        }
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                collect(value, child(&path, &index.to_string()), names);
            }
        }
        _ => {}
    }
}
