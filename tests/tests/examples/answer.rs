//! Formats answers for a page, and compares their shapes.

use serde_json::{Map, Value, json};

/// How many numbers of a list a page shows.
const MAX_NUMBERS: usize = 3;
/// How many lines of a text a page shows.
const MAX_LINES: usize = 8;

/// Returns an answer as a page shows it, and whether something was left out.
pub(crate) fn shown(mut body: Value, example: &Value) -> (Value, bool) {
    for (pointer, instead) in example["hidden"].as_object().into_iter().flatten() {
        *body.pointer_mut(pointer).unwrap_or_else(|| panic!("there is no {pointer}")) = instead.clone();
    }
    let mut shortened = false;
    if let (Some(only), Value::Object(members)) = (example["only"].as_array(), &mut body) {
        members.retain(|name, _| only.iter().any(|kept| kept == name));
        shortened = true;
    }
    shorten(&mut body, &mut shortened);
    (body, shortened)
}

fn shorten(value: &mut Value, shortened: &mut bool) {
    match value {
        Value::Array(items) => {
            if items.len() > MAX_NUMBERS && items.iter().all(Value::is_number) {
                items.truncate(MAX_NUMBERS);
                *shortened = true;
            }
            items.iter_mut().for_each(|item| shorten(item, shortened));
        }
        Value::Object(members) => members.values_mut().for_each(|member| shorten(member, shortened)),
        Value::String(text) if text.lines().count() > MAX_LINES => {
            *text = text.lines().take(MAX_LINES).collect::<Vec<_>>().join("\n");
            *shortened = true;
        }
        _ => {}
    }
}

/// Returns whether an answer contains the text that its example waits for.
pub(crate) fn is_awaited(body: &Value, example: &Value) -> bool {
    let mut awaited = example["until"].as_object().into_iter().flatten();
    awaited.all(|(pointer, value)| body.pointer(pointer) == Some(value))
}

/// Returns the shape of an answer: the names and the kinds of its members, and the kinds of the
/// items of lists. Members that the example calls optional do not count.
pub(crate) fn shape(value: &Value, example: &Value) -> Value {
    let optional = |name: &str| {
        example["optional"].as_array().is_some_and(|names| names.iter().any(|optional| optional == name))
    };
    match value {
        Value::Object(members) => {
            let members = members.iter().filter(|(name, _)| !optional(name));
            let members = members.map(|(name, member)| (name.clone(), shape(member, example)));
            Value::Object(members.collect::<Map<_, _>>())
        }
        Value::Array(items) => {
            let mut shapes: Vec<_> = items.iter().map(|item| shape(item, example)).collect();
            shapes.sort_by_key(Value::to_string);
            shapes.dedup();
            shapes.into()
        }
        Value::String(text) if text.lines().any(|line| line.starts_with("data:")) => json!("events"),
        Value::String(_) => json!("string"),
        Value::Number(_) => json!("number"),
        Value::Bool(_) => json!("boolean"),
        Value::Null => json!("null"),
    }
}

#[test]
fn answers_that_differ_in_their_values_have_one_shape() {
    let example = json!({"optional": ["hold"]});
    let of = |text: &str| shape(&serde_json::from_str(text).unwrap(), &example);
    assert_eq!(of(r#"{"a": [1, 2], "b": "x"}"#), of(r#"{"a": [3], "b": "y"}"#));
    assert_ne!(of(r#"{"a": 1}"#), of(r#"{"a": "1"}"#));
    assert_ne!(of(r#"{"a": 1}"#), of(r#"{"a": 1, "b": 1}"#));
    assert_eq!(of(r#"{"a": 1, "hold": {}}"#), of(r#"{"a": 1}"#));
    assert_eq!(of(r#""data: 1\n""#), of(r#""id: 7\ndata: 2\n""#));
}

#[test]
fn long_lists_of_numbers_and_hidden_members_are_not_shown() {
    let example = json!({"hidden": {"/key": "ctx_..."}});
    let (body, shortened) = shown(json!({"key": "secret", "v": [1, 2, 3, 4]}), &example);
    assert_eq!((body, shortened), (json!({"key": "ctx_...", "v": [1, 2, 3]}), true));
}
