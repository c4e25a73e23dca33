//! Turns a demand into variants of a value, which refer to other demands for nested values.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Value, json};

use super::branch::{Branch, Object, Text};
use super::fact::{Demand, Literal, Origin};
use super::kinds::Kinds;
use super::pattern::join;
use super::regexes::{MAX_EXCEPTION_LETTERS, Regexes, all_but};
use super::solve::{Solver, Width};
use crate::SchemaError;

/// The number of a demand.
pub(super) type Shape = usize;

/// How many texts may be excluded from a string.
const MAX_EXCEPTIONS: usize = 256;

/// One way to write a value.
#[derive(Debug)]
pub(super) enum Variant {
    /// A value without nested values, as a schema.
    Plain(Value),
    Array {
        prefix: Vec<Shape>,
        rest: Shape,
        least: u64,
        most: Option<u64>,
    },
    Object {
        named: Vec<Named>,
        patterns: Vec<(String, Shape)>,
        others: Option<Shape>,
        least: u64,
        most: Option<u64>,
    },
}

#[derive(Debug)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) shape: Option<Shape>,
    pub(super) required: bool,
}

/// All shapes of a schema; the first is that of the root.
pub(super) struct Shapes<'s, 'a> {
    pub(super) solver: &'s mut Solver<'a>,
    numbers: HashMap<Demand, Shape>,
    demands: Vec<Demand>,
    pub(super) variants: Vec<Vec<Variant>>,
}

impl<'s, 'a> Shapes<'s, 'a> {
    pub(super) fn of(solver: &'s mut Solver<'a>) -> Result<Self, SchemaError> {
        let root = Demand::from([Literal::Is(solver.document.root())]);
        let mut shapes = Self { solver, numbers: HashMap::new(), demands: Vec::new(), variants: Vec::new() };
        shapes.number(root);
        while shapes.variants.len() < shapes.demands.len() {
            let demand = shapes.demands[shapes.variants.len()].clone();
            let variants = shapes.variants_of(&demand)?;
            shapes.variants.push(variants);
        }
        Ok(shapes)
    }

    /// The path of the schema that a shape began with.
    pub(super) fn path(&self, shape: Shape) -> &str {
        let node = self.demands[shape].first().map(|literal| literal.node());
        node.map_or("", |node| self.solver.document.path(node))
    }

    /// Strings that have patterns, each once.
    pub(super) fn patterned(&self) -> Vec<super::Text> {
        let mut texts: Vec<super::Text> = Vec::new();
        for (shape, variant) in self
            .variants
            .iter()
            .enumerate()
            .flat_map(|(shape, variants)| variants.iter().map(move |variant| (shape, variant)))
        {
            if let Variant::Plain(schema) = variant
                && schema.get("pattern").is_some()
                && !texts.iter().any(|text| text.schema == *schema)
            {
                texts.push(super::Text { schema: schema.clone(), path: self.path(shape).to_owned() });
            }
        }
        texts
    }

    pub(super) fn is_any(&self, shape: Shape) -> bool {
        self.demands[shape].is_empty()
    }

    fn number(&mut self, demand: Demand) -> Shape {
        let next = self.demands.len();
        let number = *self.numbers.entry(demand.clone()).or_insert(next);
        if number == next {
            self.demands.push(demand);
        }
        number
    }

    fn variants_of(&mut self, demand: &Demand) -> Result<Vec<Variant>, SchemaError> {
        let branches = self.solver.solve(demand, Width::GrammarCache)?;
        let node = demand.first().map(|literal| literal.node());
        let node = node.unwrap_or_default();
        let mut variants = Vec::new();
        for branch in branches.iter() {
            self.solver
                .effort
                .spend(1)
                .map_err(|why| self.solver.refusal(Origin { node, keyword: "schema" }, why))?;
            let origin = |keyword| Origin { node, keyword };
            for (kinds, schema) in [
                (Kinds::NULL, json!({"type": "null"})),
                (Kinds::TRUE, json!({"const": true})),
                (Kinds::FALSE, json!({"const": false})),
            ] {
                if branch.kinds.has(kinds) {
                    variants.push(Variant::Plain(schema));
                }
            }
            if branch.kinds.has(Kinds::NUMBER) {
                if let Some(why) = branch.number.fault() {
                    return Err(self.solver.refusal(origin("multipleOf"), why));
                }
                variants.extend(branch.number.schemas().into_iter().map(Variant::Plain));
            }
            if branch.kinds.has(Kinds::STRING) {
                let text = text(branch).map_err(|why| self.solver.refusal(origin("not"), why))?;
                variants.push(Variant::Plain(text));
            }
            if branch.kinds.has(Kinds::ARRAY) {
                variants.push(self.array(branch, origin("uniqueItems")));
            }
            if branch.kinds.has(Kinds::OBJECT) {
                self.object(branch, origin("propertyNames"), &mut variants)?;
            }
        }
        Ok(variants)
    }

    fn array(&mut self, branch: &Branch, origin: Origin) -> Variant {
        let array = &branch.array;
        if array.unique && array.most != Some(1) {
            self.solver.partially_enforced.get_or_insert(origin);
        }
        let prefix = (0..array.places()).map(|place| self.number(array.at(place))).collect();
        Variant::Array { prefix, rest: self.number(array.rest()), least: array.min_items(), most: array.most }
    }

    fn object(
        &mut self,
        branch: &Branch,
        origin: Origin,
        variants: &mut Vec<Variant>,
    ) -> Result<(), SchemaError> {
        let object = &branch.object;
        let known = object.known();
        let mut named = Vec::with_capacity(known.len());
        for name in known {
            let is_named = self.is_named(object, &name)?;
            let is_absent = object.absent.contains(&name) || !is_named;
            let shape = match is_absent {
                true => None,
                false => {
                    let demand = self.solver.member(branch, &name);
                    Some(self.number(demand))
                }
            };
            let required = object.required.contains(&name);
            if required && shape.is_none() {
                return Ok(());
            }
            named.push(Named { name, shape, required });
        }
        let (mut patterns, mut others) = self.patterns(object);
        if !object.names.is_empty() {
            self.restrict(branch, origin, &mut named, &mut patterns, &mut others)?;
        }
        let names: Vec<&str> = named.iter().map(|named| named.name.as_str()).collect();
        patterns.retain(|(pattern, _)| !self.solver.regexes.adds_no_name(pattern, &names));
        for (pattern, _) in &mut patterns {
            if let Some(apart) = self.solver.regexes.without(pattern, &names) {
                *pattern = apart;
            }
        }
        let all: Vec<&str> = patterns.iter().map(|(pattern, _)| pattern.as_str()).collect();
        if others.is_some() && self.solver.regexes.cover_all_names(&names, &all) {
            others = None;
        }
        let patterns = patterns.into_iter().map(|(pattern, demand)| (pattern, self.number(demand))).collect();
        let others = others.map(|demand| self.number(demand));
        variants.push(Variant::Object { named, patterns, others, least: object.least, most: object.most });
        Ok(())
    }

    /// Patterns of names with the demands on their members, and the demand on all other members.
    /// Patterns that may match the same name are combined into one whose members satisfy all
    /// demands.
    fn patterns(&mut self, object: &Object) -> (Vec<(String, Demand)>, Option<Demand>) {
        let mut groups: Vec<Vec<String>> = Vec::new();
        for (pattern, _) in object.members.iter().flat_map(|members| &members.patterns) {
            if groups.iter().any(|group| group.contains(pattern)) {
                continue;
            }
            let overlaps = |regexes: &mut Regexes, group: &Vec<String>| {
                group.iter().any(|known| regexes.overlap(known, pattern))
            };
            let (mut joined, apart): (Vec<_>, Vec<_>) =
                groups.into_iter().partition(|group| overlaps(&mut self.solver.regexes, group));
            joined.push(vec![pattern.clone()]);
            groups = apart;
            groups.push(joined.concat());
        }
        let mut others: Demand =
            object.members.iter().filter_map(|members| members.others).map(Literal::Is).collect();
        let mut patterns = Vec::new();
        for group in groups {
            let mut demand = Demand::new();
            for members in &object.members {
                let own = members.patterns.iter().filter(|(pattern, _)| group.contains(pattern));
                demand.extend(own.map(|(_, node)| Literal::Is(*node)));
                let has = |pattern: &String| members.patterns.iter().any(|(own, _)| own == pattern);
                if !group.iter().all(has) {
                    demand.extend(members.others.map(Literal::Is));
                }
            }
            let refs: Vec<&str> = group.iter().map(String::as_str).collect();
            if self.solver.regexes.cover_all_names(&[], &refs) {
                // Every other name matches, so there are no others.
                others = demand;
                return (Vec::new(), Some(others));
            }
            let pattern = match &*group {
                [only] => only.clone(),
                all => join(all),
            };
            patterns.push((pattern, demand));
        }
        (patterns, Some(others))
    }

    fn is_named(&mut self, object: &Object, name: &str) -> Result<bool, SchemaError> {
        if object.names.is_empty() {
            return Ok(true);
        }
        let node = self.solver.document.made(format!("={name}"), json!({ "const": name }));
        let mut demand: Demand = object.names.iter().map(|node| Literal::Is(*node)).collect();
        demand.insert(Literal::Is(node));
        Ok(!self.solver.solve(&demand, Width::GrammarCache)?.is_empty())
    }

    /// Keeps only names that satisfy schemas.
    fn restrict(
        &mut self,
        branch: &Branch,
        origin: Origin,
        named: &mut Vec<Named>,
        patterns: &mut Vec<(String, Demand)>,
        others: &mut Option<Demand>,
    ) -> Result<(), SchemaError> {
        let demand: Demand = branch.object.names.iter().map(|node| Literal::Is(*node)).collect();
        let variants = self.solver.solve(&demand, Width::GrammarCache)?;
        let texts: Vec<&Text> = variants
            .iter()
            .filter(|branch| branch.kinds.has(Kinds::STRING))
            .map(|branch| &branch.text)
            .collect();
        if texts.iter().any(|text| **text == Text::default()) {
            return Ok(());
        }
        let known = std::mem::take(patterns);
        let rest = others.take();
        for text in texts {
            if let Some(only) = &text.only {
                for name in only
                    .iter()
                    .filter(|name| !named.iter().any(|named| named.name == **name))
                    .cloned()
                    .collect::<Vec<_>>()
                {
                    let demand = self.solver.member(branch, &name);
                    let shape = Some(self.number(demand));
                    named.push(Named { name, shape, required: false });
                }
                continue;
            }
            let all = all_of(text).map_err(|why| self.solver.refusal(origin, why))?;
            for (within, demand) in &known {
                let both = [vec![within.clone()], all.clone()].concat();
                self.add_apart(origin, both, demand, &[], patterns)?;
            }
            if let Some(rest) = &rest {
                self.add_apart(origin, all, rest, &known, patterns)?;
            }
        }
        Ok(())
    }

    /// Adds a pattern for the names that match all of these and none of the other patterns, if
    /// there are any.
    fn add_apart(
        &mut self,
        origin: Origin,
        mut all: Vec<String>,
        demand: &Demand,
        others: &[(String, Demand)],
        patterns: &mut Vec<(String, Demand)>,
    ) -> Result<(), SchemaError> {
        let regexes = &mut self.solver.regexes;
        let mut made = || {
            let pattern = regexes.both(&all)?;
            for (other, _) in others.iter().chain(&*patterns) {
                if regexes.overlap(other, &pattern) {
                    all.push(regexes.but(other)?);
                }
            }
            regexes.both(&all)
        };
        let Some(pattern) = made() else {
            let why = "too many constraints on one name";
            return Err(self.solver.refusal(origin, why));
        };
        if self.solver.regexes.is_possible(&pattern) {
            patterns.push((pattern, demand.clone()));
        }
        Ok(())
    }
}

/// Patterns that a string must all match, including one for its length bounds.
fn all_of(text: &Text) -> Result<Vec<String>, &'static str> {
    let mut all: Vec<String> = text.patterns.iter().map(|pattern| pattern.enforced.to_string()).collect();
    if text.least > 0 || text.most.is_some() {
        let most = text.most.map_or(String::new(), |most| most.to_string());
        all.push(format!("^(?s:.{{{},{most}}})$", text.least));
    }
    if !text.except.is_empty() {
        are_few(&text.except)?;
        all.push(all_but(text.except.iter().map(String::as_str)));
    }
    Ok(all)
}

fn are_few(exceptions: &BTreeSet<String>) -> Result<(), &'static str> {
    if exceptions.len() > MAX_EXCEPTIONS {
        return Err("excludes too many strings");
    }
    if exceptions.iter().any(|text| text.chars().count() > MAX_EXCEPTION_LETTERS) {
        return Err("excludes a string that is too long");
    }
    Ok(())
}

fn text(branch: &Branch) -> Result<Value, &'static str> {
    let text = &branch.text;
    if let Some(only) = &text.only {
        return Ok(json!({ "enum": only }));
    }
    let mut schema = json!({"type": "string"});
    if text.least > 0 {
        schema["minLength"] = text.least.into();
    }
    if let Some(most) = text.most {
        schema["maxLength"] = most.into();
    }
    let mut patterns: Vec<String> =
        text.patterns.iter().map(|pattern| pattern.enforced.to_string()).collect();
    if !text.except.is_empty() {
        are_few(&text.except)?;
        patterns.push(all_but(text.except.iter().map(String::as_str)));
    }
    let mut patterns = patterns.into_iter();
    if let Some(first) = patterns.next() {
        schema["pattern"] = first.into();
    }
    let more: Vec<Value> = patterns.map(|pattern| json!({ "pattern": pattern })).collect();
    if !more.is_empty() {
        schema["allOf"] = more.into();
    }
    Ok(schema)
}
