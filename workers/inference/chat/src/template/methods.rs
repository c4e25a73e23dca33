//! Methods of Python's strings, dicts and lists. Those that modify a list or dict are missing, as
//! in Jinja's immutable sandbox.

use minijinja::formatting::FormatStyle;
use minijinja::value::{Tuple, Value, ValueKind, from_args};
use minijinja::{Error, ErrorKind, State};

use super::budget;
use super::filters::formatted;
use super::operate;
use super::python::{self, error};
use super::strings::{self, Ends};

/// Calls a method and charges for it; a lazy result becomes a list.
pub(super) fn call(state: &mut State, value: &Value, name: &str, args: &[Value]) -> Result<Value, Error> {
    budget::skim(state, value)?;
    args.iter().try_for_each(|arg| budget::skim(state, arg))?;
    let result = value.call_method(state, name, args)?;
    operate::concrete(state, result)
}

/// Methods that minijinja's values don't have.
pub(super) fn unknown(state: &mut State, value: &Value, name: &str, args: &[Value]) -> Result<Value, Error> {
    match value.kind() {
        ValueKind::String => string(state, value, name, args),
        ValueKind::Map => map(state, value, name, args),
        ValueKind::Seq if name == "index" => {
            let (wanted,): (&Value,) = from_args(args)?;
            for (index, item) in value.try_iter()?.enumerate() {
                if operate::equal(state, &item, wanted)? {
                    return Ok(Value::from(index));
                }
            }
            Err(error("the value is not in the list"))
        }
        ValueKind::Seq => {
            budget::survey(state, value)?;
            minijinja_contrib::pycompat::unknown_method_callback(state, value, name, args)
        }
        _ => Err(Error::from(ErrorKind::UnknownMethod)),
    }
}

fn string(state: &mut State, value: &Value, name: &str, args: &[Value]) -> Result<Value, Error> {
    let text = value.as_str().unwrap_or_default();
    let list = |parts: Vec<String>| Value::from(parts);
    Ok(match name {
        "strip" | "lstrip" | "rstrip" => {
            let (chars,): (Option<&str>,) = from_args(args)?;
            let ends = match name {
                "strip" => Ends::Both,
                "lstrip" => Ends::Left,
                _ => Ends::Right,
            };
            budget::make(state, text.len())?;
            Value::from(strings::strip(text, chars, ends))
        }
        "split" | "rsplit" => {
            let (separator, limit): (Option<&str>, Option<i64>) = from_args(args)?;
            if separator == Some("") {
                return Err(error("empty separator"));
            }
            let limit = limit.and_then(|limit| usize::try_from(limit).ok());
            budget::make(state, text.len())?;
            budget::walk(state, text.len())?;
            list(match name {
                "split" => strings::split(text, separator, limit),
                _ => strings::split_from_right(text, separator, limit),
            })
        }
        "splitlines" => {
            let (keep_ends,): (Option<bool>,) = from_args(args)?;
            budget::make(state, text.len())?;
            budget::walk(state, text.len())?;
            list(strings::lines(text, keep_ends.unwrap_or(false)))
        }
        "replace" => {
            let (old, new, count): (&str, &str, Option<i64>) = from_args(args)?;
            Value::from(replace(state, text, old, new, count)?)
        }
        "removeprefix" => {
            let (prefix,): (&str,) = from_args(args)?;
            Value::from(text.strip_prefix(prefix).unwrap_or(text))
        }
        "removesuffix" => {
            let (suffix,): (&str,) = from_args(args)?;
            Value::from(text.strip_suffix(suffix).unwrap_or(text))
        }
        "join" => {
            let (items,): (&Value,) = from_args(args)?;
            let items = operate::iterate(state, items.clone())?;
            let mut out = String::new();
            for (index, item) in items.try_iter()?.enumerate() {
                let item = item.as_str().ok_or_else(|| error("only strings can be joined"))?;
                let separator = if index > 0 { text } else { "" };
                budget::make(state, separator.len() + item.len())?;
                out.push_str(separator);
                out.push_str(item);
            }
            Value::from(out)
        }
        "capitalize" => {
            let () = from_args(args)?;
            Value::from(strings::capitalize(text))
        }
        "isspace" => {
            let () = from_args(args)?;
            Value::from(!text.is_empty() && text.chars().all(strings::is_space))
        }
        "format" => Value::from(formatted(state, FormatStyle::StrFormat, text, args)?),
        _ => {
            budget::make(state, text.len())?;
            minijinja_contrib::pycompat::unknown_method_callback(state, value, name, args)?
        }
    })
}

fn map(state: &mut State, value: &Value, name: &str, args: &[Value]) -> Result<Value, Error> {
    if budget::is_namespace(value) {
        return Err(Error::from(ErrorKind::UnknownMethod));
    }
    Ok(match name {
        "items" => {
            let () = from_args(args)?;
            python::pairs(value).map(pair).collect::<Vec<Value>>().into()
        }
        "keys" => {
            let () = from_args(args)?;
            python::pairs(value).map(|(key, _)| key).collect::<Vec<Value>>().into()
        }
        "values" => {
            let () = from_args(args)?;
            python::pairs(value).map(|(_, value)| value).collect::<Vec<Value>>().into()
        }
        _ => minijinja_contrib::pycompat::unknown_method_callback(state, value, name, args)?,
    })
}

/// `text.replace(old, new, count)`; an empty `old` matches before every character and at the end.
pub(super) fn replace(
    state: &mut State,
    text: &str,
    old: &str,
    new: &str,
    count: Option<i64>,
) -> Result<String, Error> {
    budget::read(state, text.len())?;
    let count = count.and_then(|count| usize::try_from(count).ok()).unwrap_or(usize::MAX);
    let found = text.matches(old).take(count).count();
    budget::make(state, text.len().saturating_add(found.saturating_mul(new.len())))?;
    Ok(text.replacen(old, new, found))
}

pub(super) fn pair((key, value): (Value, Value)) -> Value {
    Value::from(Tuple::from([key, value]))
}
