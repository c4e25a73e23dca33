//! Jinja's filters and tests, reimplemented where Python's semantics or the budget require it.

use minijinja::formatting::{FormatStyle, format};
use minijinja::value::{Kwargs, Rest, Value, ValueKind};
use minijinja::{Environment, Error, State};

use super::operate;
use super::python::{self, error};
use super::strings::{self, Ends};
use super::{budget, methods};

/// Filters that only look at a value itself, not at its contents.
const LIGHT: [&str; 14] = [
    "length", "count", "first", "last", "default", "d", "items", "list", "abs", "int", "float", "round",
    "safe", "attr",
];
/// Filters that charge for their own work.
const SELF_CHARGING: [&str; 11] = [
    "tojson",
    "string",
    "trim",
    "upper",
    "lower",
    "capitalize",
    "replace",
    "join",
    "indent",
    "format",
    "reverse",
];
/// Filters and globals that Jinja doesn't have, or that make large values from small ones and that
/// no chat template needs.
const REMOVED: [&str; 8] = ["batch", "slice", "chain", "zip", "lines", "split", "bool", "pprint"];

pub(super) fn install(env: &mut Environment<'static>) {
    REMOVED.iter().for_each(|name| env.remove_filter(name));
    env.add_filter("tojson", python::tojson);
    env.add_filter("string", |state: &mut State, value: &Value| python::text(state, value));
    env.add_filter("trim", |state: &mut State, value: &Value, chars: Option<String>| {
        let text = python::text(state, value)?;
        Ok::<_, Error>(strings::strip(&text, chars.as_deref(), Ends::Both).to_owned())
    });
    env.add_filter("upper", |state: &mut State, value: &Value| {
        Ok::<_, Error>(python::text(state, value)?.to_uppercase())
    });
    env.add_filter("lower", |state: &mut State, value: &Value| {
        Ok::<_, Error>(python::text(state, value)?.to_lowercase())
    });
    env.add_filter("capitalize", |state: &mut State, value: &Value| {
        Ok::<_, Error>(strings::capitalize(&python::text(state, value)?))
    });
    env.add_filter(
        "replace",
        |state: &mut State, value: &Value, old: &Value, new: &Value, count: Option<i64>| {
            let (text, old, new) =
                (python::text(state, value)?, python::text(state, old)?, python::text(state, new)?);
            methods::replace(state, &text, &old, &new, count)
        },
    );
    env.add_filter("join", join);
    env.add_filter("indent", indent);
    env.add_filter("format", |state: &mut State, pattern: &Value, args: Rest<Value>| {
        let pattern = python::text(state, pattern)?;
        formatted(state, FormatStyle::Printf, &pattern, &args)
    });
    env.add_filter("int", |value: &Value, default: Option<i64>| {
        let whole =
            value.as_str().and_then(|text| text.trim().parse::<i64>().ok()).or_else(|| value.as_i64());
        whole.or_else(|| as_float(value).map(|float| float as i64)).unwrap_or(default.unwrap_or(0))
    });
    env.add_filter("float", |value: &Value, default: Option<f64>| {
        as_float(value).unwrap_or(default.unwrap_or(0.0))
    });
    env.add_filter("length", |value: &Value| length(value));
    env.add_filter("count", |value: &Value| length(value));
    env.add_filter("list", |state: &mut State, value: Value| {
        let items = operate::iterate(state, value)?;
        Ok::<_, Error>(items.try_iter()?.collect::<Vec<Value>>())
    });
    env.add_filter("items", |value: &Value| match value.kind() {
        ValueKind::Undefined => Ok(Value::from(Vec::<Value>::new())),
        ValueKind::Map => Ok(python::pairs(value).map(methods::pair).collect::<Vec<Value>>().into()),
        kind => Err(error(format!("can only get item pairs from a mapping, not {kind}"))),
    });
    env.add_filter("reverse", |state: &mut State, value: Value| match value.as_str() {
        Some(text) => {
            budget::make(state, text.len())?;
            Ok(Value::from(text.chars().rev().collect::<String>()))
        }
        None => {
            let mut items: Vec<Value> = operate::iterate(state, value)?.try_iter()?.collect();
            items.reverse();
            Ok::<_, Error>(Value::from(items))
        }
    });
    env.add_test("iterable", |value: &Value| {
        matches!(
            value.kind(),
            ValueKind::Undefined | ValueKind::String | ValueKind::Seq | ValueKind::Map | ValueKind::Iterable
        )
    });
    env.add_test("sequence", |value: &Value| {
        matches!(value.kind(), ValueKind::Undefined | ValueKind::String | ValueKind::Seq | ValueKind::Map)
    });
    env.add_test("integer", |value: &Value| value.kind() == ValueKind::Number && value.is_integer());
    env.add_test("callable", |value: &Value| value.kind() == ValueKind::Plain);
}

/// Applies a filter and charges for it; a lazy result becomes a list.
pub(super) fn apply(state: &mut State, name: &str, args: &[Value]) -> Result<Value, Error> {
    for arg in args.iter().filter(|_| !SELF_CHARGING.contains(&name)) {
        if LIGHT.contains(&name) { budget::skim(state, arg)? } else { budget::survey(state, arg)? }
    }
    let value = state.apply_filter(name, args)?;
    operate::concrete(state, value)
}

/// Performs a test and charges for it.
pub(super) fn test(state: &mut State, name: &str, args: &[Value]) -> Result<bool, Error> {
    match (name, args) {
        ("eq" | "equalto" | "==", [a, b]) => operate::equal(state, a, b),
        ("ne" | "!=", [a, b]) => operate::equal(state, a, b).map(|equal| !equal),
        ("in", [needle, container]) => operate::contains(state, needle, container),
        (_, [_]) => state.perform_test(name, args),
        _ => {
            args.iter().try_for_each(|arg| budget::survey(state, arg))?;
            state.perform_test(name, args)
        }
    }
}

/// `pattern % args` or `pattern.format(args)`, with widths of at most three digits.
pub(super) fn formatted(
    state: &mut State,
    style: FormatStyle,
    pattern: &str,
    args: &[Value],
) -> Result<String, Error> {
    let wide = pattern.as_bytes().windows(4).any(|window| window.iter().all(u8::is_ascii_digit));
    if wide || (matches!(style, FormatStyle::Printf) && pattern.contains('*')) || pattern.contains(":{") {
        return Err(error("a format width must be at most 999"));
    }
    let mut bytes = pattern.len().saturating_mul(1000);
    for arg in args {
        budget::survey(state, arg)?;
        bytes += arg.as_str().map_or(0, str::len);
    }
    if bytes > budget::room(state) {
        return Err(budget::LimitExceeded::Text.into());
    }
    let text = format(style, pattern, args)?;
    budget::make(state, text.len())?;
    Ok(text)
}

fn as_float(value: &Value) -> Option<f64> {
    match value.as_str() {
        Some(text) => text.trim().parse().ok(),
        None => f64::try_from(value.clone()).ok(),
    }
}

fn length(value: &Value) -> Result<usize, Error> {
    match value.kind() {
        ValueKind::Undefined => Ok(0),
        _ => value.len().ok_or_else(|| error(format!("{} has no length", value.kind()))),
    }
}

fn join(
    state: &mut State,
    value: Value,
    separator: Option<String>,
    attribute: Option<String>,
    named: Kwargs,
) -> Result<String, Error> {
    let separator = separator.or(named.get::<Option<String>>("d")?).unwrap_or_default();
    let attribute = attribute.or(named.get::<Option<String>>("attribute")?);
    named.assert_all_used()?;
    let items = operate::iterate(state, value)?;
    let mut out = String::new();
    for (index, mut item) in items.try_iter()?.enumerate() {
        if let Some(attribute) = &attribute {
            item = item.get_attr(attribute)?;
        }
        if index > 0 {
            budget::make(state, separator.len())?;
            out.push_str(&separator);
        }
        out.push_str(&python::text(state, &item)?);
    }
    Ok(out)
}

fn indent(state: &mut State, value: &Value, positional: Rest<Value>, named: Kwargs) -> Result<String, Error> {
    let argument = |index: usize, name| match positional.get(index) {
        Some(value) => Ok(Some(value.clone())),
        None => named.get::<Option<Value>>(name),
    };
    let width = argument(0, "width")?.unwrap_or_else(|| Value::from(4));
    let first = argument(1, "first")?.is_some_and(|first| first.is_true());
    let blank = argument(2, "blank")?.is_some_and(|blank| blank.is_true());
    named.assert_all_used()?;
    let with = match (width.as_str(), width.as_i64()) {
        (Some(text), _) => text.to_owned(),
        (None, Some(width @ ..=1000)) => " ".repeat(width.max(0) as usize),
        _ => return Err(error("indent's width must be a string or at most 1000")),
    };
    let text = python::text(state, value)?;
    let lines = text.len() + 1;
    budget::make(
        state,
        text.matches(['\n', '\r']).count().min(lines).saturating_add(1).saturating_mul(with.len()),
    )?;
    Ok(strings::indent(&text, &with, first, blank))
}
