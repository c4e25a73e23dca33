use serde_json::{Map, Value};

/// Parses `tool.call(name="value", ..)`, the form of Llama's built-in tools, into the tool and its
/// arguments as JSON.
pub(super) fn call(text: &str) -> Option<(String, String)> {
    let (name, rest) = text.trim().split_once(".call(")?;
    let mut rest = rest.trim_start();
    let mut arguments = Map::new();
    while let Some((key, after)) = rest.split_once('=') {
        let (value, after) = literal(after.trim_start())?;
        let after = after.trim_start();
        if !is_name(key.trim()) || arguments.insert(key.trim().to_owned(), value).is_some() {
            return None;
        }
        rest = match after.strip_prefix(',') {
            Some(more) => more.trim_start(),
            None if after.starts_with(')') => after,
            None => return None,
        };
        if rest.starts_with(')') {
            break;
        }
    }
    (rest == ")" && is_name(name)).then(|| (name.to_owned(), Value::Object(arguments).to_string()))
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c == '_' || c.is_alphanumeric())
}

/// Parses a string, number, boolean or `None`; returns it with the remaining text.
fn literal(text: &str) -> Option<(Value, &str)> {
    if let Some(quote) = text.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        return string(&text[1..], quote);
    }
    let end = text.find([',', ')']).unwrap_or(text.len());
    let value = match text[..end].trim() {
        "True" => Value::Bool(true),
        "False" => Value::Bool(false),
        "None" => Value::Null,
        number => serde_json::from_str::<serde_json::Number>(number).ok()?.into(),
    };
    Some((value, &text[end..]))
}

fn string(text: &str, quote: char) -> Option<(Value, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                't' => value.push('\t'),
                escaped @ ('\\' | '"' | '\'') => value.push(escaped),
                other => value.extend(['\\', other]),
            },
            c if c == quote => return Some((Value::String(value), &text[at + 1..])),
            c => value.push(c),
        }
    }
    None
}
