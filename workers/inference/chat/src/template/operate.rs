//! The template language's operators with Python's semantics, charged to the budget.

use std::cmp::Ordering;

use minijinja::value::{Tuple, Value, ValueKind};
use minijinja::{Error, State};

use super::budget;
use super::python::{self, error};

pub(super) fn add(state: &mut State, a: Value, b: Value) -> Result<Value, Error> {
    if let (Some(left), Some(right)) = (a.as_str(), b.as_str()) {
        budget::make(state, left.len() + right.len())?;
        return Ok(Value::from([left, right].concat()));
    }
    match (a.kind(), b.kind()) {
        (ValueKind::Seq, ValueKind::Seq) if a.is_tuple() == b.is_tuple() => {
            budget::walk(state, a.len().unwrap_or(0) + b.len().unwrap_or(0))?;
            let items: Vec<Value> = a.try_iter()?.chain(b.try_iter()?).collect();
            Ok(if a.is_tuple() { Value::from(Tuple::from(items)) } else { Value::from(items) })
        }
        _ => arithmetic("+", &a, &b, i128::checked_add, |a, b| a + b),
    }
}

pub(super) fn multiply(state: &mut State, a: Value, b: Value) -> Result<Value, Error> {
    let (repeated, times) = match (a.kind(), b.kind()) {
        (ValueKind::String | ValueKind::Seq, _) => (&a, &b),
        (_, ValueKind::String | ValueKind::Seq) => (&b, &a),
        _ => return arithmetic("*", &a, &b, i128::checked_mul, |a, b| a * b),
    };
    let times = times.as_i64().filter(|_| times.is_integer()).ok_or_else(|| unsupported("*", &a, &b))?.max(0)
        as usize;
    if let Some(text) = repeated.as_str() {
        budget::make(state, text.len().saturating_mul(times))?;
        return Ok(Value::from(text.repeat(times)));
    }
    budget::walk(state, repeated.len().unwrap_or(0).saturating_mul(times))?;
    let once: Vec<Value> = repeated.try_iter()?.collect();
    let items: Vec<Value> = std::iter::repeat_n(&once, times).flatten().cloned().collect();
    Ok(if repeated.is_tuple() { Value::from(Tuple::from(items)) } else { Value::from(items) })
}

fn arithmetic(
    name: &str,
    a: &Value,
    b: &Value,
    whole: fn(i128, i128) -> Option<i128>,
    float: fn(f64, f64) -> f64,
) -> Result<Value, Error> {
    if !numeric(a) || !numeric(b) {
        return Err(unsupported(name, a, b));
    }
    if let (Some(a), Some(b)) = (as_whole(a), as_whole(b)) {
        return whole(a, b).map(integer).ok_or_else(|| error("the integer is too large"));
    }
    match (f64::try_from(a.clone()), f64::try_from(b.clone())) {
        (Ok(a), Ok(b)) => Ok(Value::from(float(a, b))),
        _ => Err(unsupported(name, a, b)),
    }
}

fn as_whole(value: &Value) -> Option<i128> {
    match value.kind() {
        ValueKind::Bool => Some(value.is_true().into()),
        _ if value.is_integer() => i128::try_from(value.clone()).ok(),
        _ => None,
    }
}

fn integer(value: i128) -> Value {
    i64::try_from(value).map_or_else(|_| Value::from(value), Value::from)
}

fn numeric(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Number | ValueKind::Bool)
}

fn unsupported(operator: &str, a: &Value, b: &Value) -> Error {
    error(format!("unsupported operand types for {operator}: {} and {}", a.kind(), b.kind()))
}

/// `a ~ b`.
pub(super) fn concatenate(state: &mut State, a: Value, b: Value) -> Result<Value, Error> {
    let mut text = python::text(state, &a)?;
    text.push_str(&python::text(state, &b)?);
    Ok(Value::from(text))
}

/// `value[start:stop:step]`: a slice of a string is a string, a slice of a list is a list.
pub(super) fn slice(
    state: &mut State,
    value: Value,
    start: Value,
    stop: Value,
    step: Value,
) -> Result<Value, Error> {
    budget::skim(state, &value)?;
    let bound = |bound: &Value| match bound.kind() {
        ValueKind::None | ValueKind::Undefined => Ok(None),
        _ => bound.as_i64().map(Some).ok_or_else(|| error("slice indices must be integers")),
    };
    let (start, stop, step) = (bound(&start)?, bound(&stop)?, bound(&step)?.unwrap_or(1));
    if step == 0 {
        return Err(error("slice step cannot be zero"));
    }
    if let Some(text) = value.as_str() {
        let chars: Vec<char> = text.chars().collect();
        let text: String = picked(chars.len(), start, stop, step).map(|index| chars[index]).collect();
        budget::make(state, text.len())?;
        return Ok(Value::from(text));
    }
    if value.kind() != ValueKind::Seq {
        return Err(error(format!("{} cannot be sliced", value.kind())));
    }
    let all: Vec<Value> = value.try_iter()?.collect();
    let items: Vec<Value> = picked(all.len(), start, stop, step).map(|index| all[index].clone()).collect();
    Ok(if value.is_tuple() { Value::from(Tuple::from(items)) } else { Value::from(items) })
}

/// The indices of Python's `slice(start, stop, step).indices(length)`.
fn picked(length: usize, start: Option<i64>, stop: Option<i64>, step: i64) -> impl Iterator<Item = usize> {
    let length = length as i64;
    let (low, high) = if step > 0 { (0, length) } else { (-1, length - 1) };
    let place = |bound: i64| if bound < 0 { bound.saturating_add(length) } else { bound }.clamp(low, high);
    let (first, last) = if step > 0 { (low, high) } else { (high, low) };
    let (start, stop) = (start.map_or(first, place), stop.map_or(last, place));
    let mut at = start;
    std::iter::from_fn(move || {
        let inside = if step > 0 { at < stop } else { at > stop };
        inside.then(|| {
            let index = at as usize;
            at = at.saturating_add(step);
            index
        })
    })
}

/// `value[key]`.
pub(super) fn item(state: &mut State, value: Value, key: Value) -> Result<Value, Error> {
    if value.is_undefined() {
        return Err(Error::from(minijinja::ErrorKind::UndefinedError));
    }
    if let Some(text) = value.as_str() {
        budget::read(state, text.len())?;
        let Some(index) = key.as_i64() else { return Ok(Value::UNDEFINED) };
        let index = if index < 0 { index.saturating_add(text.chars().count() as i64) } else { index };
        let found = usize::try_from(index).ok().and_then(|index| text.chars().nth(index));
        return Ok(found.map_or(Value::UNDEFINED, Value::from));
    }
    budget::survey(state, &key)?;
    Ok(value.get_item(&key).unwrap_or(Value::UNDEFINED))
}

pub(super) fn equal(state: &mut State, a: &Value, b: &Value) -> Result<bool, Error> {
    if let (Some(a), Some(b)) = (a.as_str(), b.as_str()) {
        if a.len() != b.len() {
            return Ok(false);
        }
        budget::read(state, a.len())?;
        return Ok(a == b);
    }
    if a.as_object().is_some() && b.as_object().is_some() {
        budget::survey(state, a)?;
        budget::survey(state, b)?;
    }
    Ok(a == b)
}

/// `a < b` and similar: compares numbers with numbers, strings with strings, lists with lists.
pub(super) fn order(state: &mut State, a: &Value, b: &Value) -> Result<Ordering, Error> {
    let comparable = (numeric(a) && numeric(b))
        || (a.kind() == b.kind() && matches!(a.kind(), ValueKind::String | ValueKind::Seq));
    if !comparable {
        return Err(unsupported("<", a, b));
    }
    budget::survey(state, a)?;
    budget::survey(state, b)?;
    Ok(a.cmp(b))
}

/// `needle in container`.
pub(super) fn contains(state: &mut State, needle: &Value, container: &Value) -> Result<bool, Error> {
    if let Some(text) = container.as_str() {
        let needle = needle.as_str().ok_or_else(|| unsupported("in", needle, container))?;
        budget::read(state, text.len() + needle.len())?;
        return Ok(text.contains(needle));
    }
    match container.kind() {
        ValueKind::Undefined => Ok(false),
        ValueKind::Map => {
            budget::survey(state, needle)?;
            Ok(container.as_object().is_some_and(|map| map.get_value(needle).is_some()))
        }
        ValueKind::Seq | ValueKind::Iterable => {
            budget::skim(state, container)?;
            for item in container.try_iter()? {
                if equal(state, &item, needle)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        _ => Err(unsupported("in", needle, container)),
    }
}

/// The items of a loop: a list's items, a string's characters or a map's keys; none if the value is
/// undefined.
pub(super) fn iterate(state: &mut State, value: Value) -> Result<Value, Error> {
    budget::skim(state, &value)?;
    match value.kind() {
        ValueKind::Undefined => Ok(Value::from(Vec::<Value>::new())),
        ValueKind::String => {
            let text = value.as_str().unwrap_or_default();
            budget::walk(state, text.len())?;
            Ok(text.chars().map(Value::from).collect::<Vec<Value>>().into())
        }
        ValueKind::Map if budget::is_namespace(&value) => Err(error("a namespace is not iterable")),
        ValueKind::Map | ValueKind::Seq => Ok(value),
        ValueKind::Iterable => concrete(state, value),
        kind => Err(error(format!("{kind} is not iterable"))),
    }
}

/// Turns a lazy value into a list.
pub(super) fn concrete(state: &mut State, value: Value) -> Result<Value, Error> {
    if value.kind() != ValueKind::Iterable {
        return Ok(value);
    }
    let mut items = Vec::new();
    for item in value.try_iter()?.checked() {
        budget::walk(state, 1)?;
        items.push(item?);
    }
    Ok(Value::from(items))
}

/// Makes a list after checking that its items may be put into one.
pub(super) fn list(state: &mut State, items: &[Value]) -> Result<Value, Error> {
    items.iter().try_for_each(|item| budget::enclose(state, item, false))?;
    Ok(Value::from(items.to_vec()))
}

pub(super) fn tuple(state: &mut State, items: &[Value]) -> Result<Value, Error> {
    items.iter().try_for_each(|item| budget::enclose(state, item, false))?;
    Ok(Value::from(Tuple::from(items.to_vec())))
}

pub(super) fn map(state: &mut State, flat: &[Value]) -> Result<Value, Error> {
    flat.iter().try_for_each(|part| budget::enclose(state, part, false))?;
    let pairs = flat.chunks_exact(2).map(|pair| match pair[0].as_object() {
        Some(_) if !pair[0].is_tuple() => Err(error("a map's key must not be a list or a map")),
        _ => Ok((pair[0].clone(), pair[1].clone())),
    });
    Ok(Value::from_pairs(pairs.collect::<Result<Vec<_>, Error>>()?))
}
