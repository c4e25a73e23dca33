//! Log lines: one JSON object each. Callers pass ids and kinds, never bodies, keys or headers.

use serde_json::{Map, Value};

pub(crate) fn info(event: &str, fields: &[(&str, &str)]) {
    worker::console_log!("{}", line(event, fields));
}

pub(crate) fn error(event: &str, fields: &[(&str, &str)]) {
    worker::console_error!("{}", line(event, fields));
}

fn line(event: &str, fields: &[(&str, &str)]) -> Value {
    let all = [("event", event)];
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), Value::from(*value));
    Value::Object(all.iter().chain(fields).map(pair).collect::<Map<_, _>>())
}
