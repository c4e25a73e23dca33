//! Log lines: one JSON object each, with `timestamp`, `level` and `event`. Callers pass ids and
//! kinds, never bodies, keys or headers.

use serde_json::{Map, Value};

use crate::clock;

pub(crate) fn info(event: &str, fields: &[(&str, &str)]) {
    worker::console_log!("{}", line("info", event, fields));
}

pub(crate) fn error(event: &str, fields: &[(&str, &str)]) {
    worker::console_error!("{}", line("error", event, fields));
}

fn line(level: &str, event: &str, fields: &[(&str, &str)]) -> Value {
    let timestamp = clock::now().to_string();
    let all = [("timestamp", timestamp.as_str()), ("level", level), ("event", event)];
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), Value::from(*value));
    Value::Object(all.iter().chain(fields).map(pair).collect::<Map<_, _>>())
}
