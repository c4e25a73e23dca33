//! Writes shapes as a schema for the parser, without parts that no value satisfies.

use serde_json::{Map, Value, json};

use super::count::{self, Counted};
use super::shape::{Named, Shape, Shapes, Variant};
use crate::SchemaError;

pub(super) struct Writer<'w, 's, 'a> {
    pub(super) shapes: &'w Shapes<'s, 'a>,
    /// Which shapes have a finite value.
    has_value: Vec<bool>,
}

impl<'w, 's, 'a> Writer<'w, 's, 'a> {
    pub(super) fn new(shapes: &'w Shapes<'s, 'a>) -> Self {
        let mut writing = Self { shapes, has_value: vec![false; shapes.variants.len()] };
        loop {
            let mut grew = false;
            for shape in 0..shapes.variants.len() {
                if !writing.has_value[shape]
                    && shapes.variants[shape].iter().any(|variant| writing.can_end(variant))
                {
                    writing.has_value[shape] = true;
                    grew = true;
                }
            }
            if !grew {
                return writing;
            }
        }
    }

    /// The root as one schema with definitions.
    pub(super) fn schema(&self) -> Result<Value, SchemaError> {
        if !self.has_value[0] {
            return Err(self.blame());
        }
        let mut root = match self.written(0, true)? {
            Value::Object(keywords) => keywords,
            _ => Map::new(),
        };
        let mut definitions = Map::new();
        for shape in 1..self.has_value.len() {
            if self.has_value[shape] && self.is_named(shape) {
                definitions.insert(name(shape), self.written(shape, true)?);
            }
        }
        if self.is_named(0) {
            definitions.insert(name(0), Value::Object(root));
            root = Map::from_iter([("$ref".to_owned(), reference(0))]);
        }
        root.insert("$defs".to_owned(), Value::Object(definitions));
        Ok(Value::Object(root))
    }

    fn can_end(&self, variant: &Variant) -> bool {
        match variant {
            Variant::Plain(_) => true,
            Variant::Array { prefix, rest, least, .. } => {
                let least = *least as usize;
                prefix.iter().take(least).all(|item| self.has_value[*item])
                    && (least <= prefix.len() || self.has_value[*rest])
            }
            Variant::Object { named, patterns, others, least, .. } => {
                let required = named.iter().filter(|named| named.required);
                let possible = |named: &&Named| named.shape.is_some_and(|shape| self.has_value[shape]);
                let others = patterns.iter().map(|(_, shape)| *shape).chain(*others);
                required.clone().all(|named| possible(&named))
                    && (named.iter().filter(possible).count() as u64 >= *least
                        || others.into_iter().any(|shape| self.has_value[shape]))
            }
        }
    }

    /// Whether a shape is a definition, so that it can contain itself.
    fn is_named(&self, shape: Shape) -> bool {
        !self.shapes.is_any(shape)
            && self.shapes.variants[shape].iter().any(|variant| !matches!(variant, Variant::Plain(_)))
    }

    fn written(&self, shape: Shape, whole: bool) -> Result<Value, SchemaError> {
        if self.shapes.is_any(shape) {
            return Ok(Value::Bool(true));
        }
        if !self.has_value[shape] {
            return Ok(Value::Bool(false));
        }
        if !whole && self.is_named(shape) {
            return Ok(json!({ "$ref": reference(shape) }));
        }
        let mut variants = Vec::new();
        for variant in self.shapes.variants[shape].iter().filter(|variant| self.can_end(variant)) {
            match variant {
                Variant::Plain(schema) => variants.push(schema.clone()),
                Variant::Array { prefix, rest, least, most } => {
                    variants.push(self.array(prefix, *rest, *least, *most)?)
                }
                Variant::Object { .. } => self.object(shape, variant, &mut variants)?,
            }
        }
        Ok(match variants.len() {
            0 => Value::Bool(false),
            1 => variants.swap_remove(0),
            _ => json!({ "anyOf": variants }),
        })
    }

    fn array(
        &self,
        prefix: &[Shape],
        rest: Shape,
        least: u64,
        most: Option<u64>,
    ) -> Result<Value, SchemaError> {
        let cut = prefix.iter().position(|item| !self.has_value[*item]).unwrap_or(prefix.len());
        let ends = cut < prefix.len() || !self.has_value[rest];
        let most = if ends { Some(most.map_or(cut as u64, |most| most.min(cut as u64))) } else { most };
        let mut schema = json!({"type": "array"});
        let prefix =
            prefix[..cut].iter().map(|item| self.written(*item, false)).collect::<Result<Vec<_>, _>>()?;
        if !prefix.is_empty() {
            schema["prefixItems"] = prefix.into();
        }
        schema["items"] = if ends { false.into() } else { self.written(rest, false)? };
        if least > 0 {
            schema["minItems"] = least.into();
        }
        if let Some(most) = most {
            schema["maxItems"] = most.into();
        }
        Ok(schema)
    }

    fn object(&self, shape: Shape, variant: &Variant, variants: &mut Vec<Value>) -> Result<(), SchemaError> {
        let Variant::Object { named, patterns, others, least, most } = variant else { return Ok(()) };
        let others = others.filter(|shape| self.has_value[*shape]);
        let is_open = others.is_some() || patterns.iter().any(|(_, shape)| self.has_value[*shape]);
        let possible = |named: &&Named| named.shape.is_some_and(|shape| self.has_value[shape]);
        let optional: Vec<&str> = named
            .iter()
            .filter(possible)
            .filter(|named| !named.required)
            .map(|named| named.name.as_str())
            .collect();
        let required = named.iter().filter(|named| named.required).count() as u64;
        let counts = count::ways(required, &optional, is_open, *least, *most);
        let counts = counts.map_err(|keyword| SchemaError {
            keyword: keyword.to_owned(),
            path: self.shapes.path(shape).to_owned(),
            why: "there are too many members to count".to_owned(),
        })?;
        for Counted { required, absent, others: (min_items, most) } in counts {
            let mut properties = Map::new();
            let mut needed: Vec<&str> =
                named.iter().filter(|named| named.required).map(|named| named.name.as_str()).collect();
            needed.extend(required.iter().copied());
            for member in named {
                let name = member.name.as_str();
                let schema = match member.shape.filter(|_| !absent.contains(&name)) {
                    Some(shape) => self.written(shape, false)?,
                    None => Value::Bool(false),
                };
                properties.insert(name.to_owned(), schema);
            }
            let mut schema = json!({"type": "object", "properties": properties});
            let total = needed.len() as u64;
            if !needed.is_empty() {
                schema["required"] = needed.into();
            }
            if min_items > 0 {
                schema["minProperties"] = (total + min_items).into();
            }
            if let Some(most) = most {
                schema["maxProperties"] = (total + most).into();
            }
            let mut matched = Map::new();
            for (pattern, shape) in patterns {
                matched.insert(pattern.clone(), self.written(*shape, false)?);
            }
            if !matched.is_empty() {
                schema["patternProperties"] = Value::Object(matched);
            }
            schema["additionalProperties"] = match others {
                Some(shape) => self.written(shape, false)?,
                None => false.into(),
            };
            variants.push(schema);
        }
        Ok(())
    }

    /// Finds a required value that can't exist.
    fn blame(&self) -> SchemaError {
        let mut shape = 0;
        let mut seen = vec![0];
        while let Some(next) = self.shapes.variants[shape].iter().find_map(|variant| self.missing(variant)) {
            if seen.contains(&next) {
                let why = "no finite value satisfies it because it requires itself".to_owned();
                return SchemaError {
                    keyword: "$ref".to_owned(),
                    path: self.shapes.path(next).to_owned(),
                    why,
                };
            }
            seen.push(next);
            shape = next;
        }
        self.shapes.solver.blame().unwrap_or_else(|| SchemaError {
            keyword: "schema".to_owned(),
            path: self.shapes.path(shape).to_owned(),
            why: "no value satisfies it".to_owned(),
        })
    }

    fn missing(&self, variant: &Variant) -> Option<Shape> {
        let has_no_value = |shape: &Shape| !self.has_value[*shape];
        match variant {
            Variant::Plain(_) => None,
            Variant::Array { prefix, rest, .. } => prefix.iter().chain([rest]).copied().find(has_no_value),
            Variant::Object { named, .. } => {
                named.iter().filter(|named| named.required).filter_map(|named| named.shape).find(has_no_value)
            }
        }
    }
}

fn name(shape: Shape) -> String {
    format!("s{shape}")
}

fn reference(shape: Shape) -> Value {
    format!("#/$defs/{}", name(shape)).into()
}
