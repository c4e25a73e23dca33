//! Values that almost match a schema.

use serde_json::{Value, json};

use crate::random::Random;

/// Changes one position of a value.
pub(crate) fn mutate(value: &mut Value, random: &mut Random) {
    let places = count(value);
    let mut at = random.below(places);
    if let Some(place) = nth(value, &mut at) {
        change(place, random);
    }
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Object(members) => members.values().map(count).sum(),
        Value::Array(items) => items.iter().map(count).sum(),
        _ => 0,
    }
}

fn nth<'a>(value: &'a mut Value, at: &mut usize) -> Option<&'a mut Value> {
    if *at == 0 {
        return Some(value);
    }
    *at -= 1;
    match value {
        Value::Object(members) => members.values_mut().find_map(|member| nth(member, at)),
        Value::Array(items) => items.iter_mut().find_map(|item| nth(item, at)),
        _ => None,
    }
}

fn change(place: &mut Value, random: &mut Random) {
    let other = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(2.5),
        json!(1e12),
        json!(""),
        json!("x y"),
        json!([]),
        json!({}),
    ];
    if random.one_in(3) {
        *place = random.pick(&other).clone();
        return;
    }
    match place {
        Value::Object(members) => match (random.below(3), members.keys().next().cloned()) {
            (0, Some(first)) => drop(members.remove(&first)),
            (1, _) => {
                let names: Vec<_> = members.keys().cloned().collect();
                if !names.is_empty() {
                    members.remove(random.pick(&names));
                }
            }
            _ => drop(members.insert("unknown".to_owned(), random.pick(&other[1..]).clone())),
        },
        Value::Array(items) => match (random.below(3), items.first().cloned()) {
            (0, _) => items.clear(),
            (1, Some(first)) => items.extend(vec![first; 40]),
            _ => items.push(random.pick(&other).clone()),
        },
        Value::String(text) => match random.below(4) {
            0 => text.clear(),
            1 => *text = text.repeat(40),
            2 => text.push('\u{7f}'),
            _ => text.insert(0, '.'),
        },
        Value::Number(number) => {
            let number = number.as_f64().unwrap_or_default();
            *place =
                json!(*random.pick(&[number + 1.0, number - 1.0, -number, number / 3.0, number * 1000.0]));
        }
        Value::Bool(value) => *value = !*value,
        Value::Null => *place = random.pick(&other).clone(),
    }
}
