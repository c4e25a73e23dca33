//! `POST /api/v1/jobs`.

use cortex_domain::topic::Topic;
use serde_json::{Value, json};

use super::super::schema::{
    Components, about, anything, map, matching, name, one_of, strict, time, whole, with,
};
use crate::create::{MAX_ATTEMPTS, MAX_LABEL_NAME, MAX_LABEL_VALUE, MAX_LABELS, RESERVED};

pub(super) fn components() -> Components {
    let object = strict()
        .required("topic", about(topic(), "What kind of work it is."))
        .required("input", about(anything(), "What to work on: any JSON, also null."))
        .optional("priority", one_of(&["low", "normal", "high"]))
        .optional("deadline", about(time(), "When the job ends if it has not by then."))
        .optional("max_attempts", whole(1, i64::from(MAX_ATTEMPTS)))
        .optional("labels", labels());
    vec![("CreateJob", object.build())]
}

pub(in super::super) fn topic() -> Value {
    with(matching(r"^job(\.[a-z0-9_-]+)+$"), "maxLength", Topic::MAX.into())
}

/// A label's name. Some are set by the doors alone.
fn label_name() -> Value {
    with(name("-_./A-Za-z0-9", MAX_LABEL_NAME), "not", json!({"pattern": format!("^{RESERVED}")}))
}

/// A label's value: no control characters.
pub(super) fn label_value() -> Value {
    with(matching(r"^[^\u0000-\u001f\u007f-\u009f]*$"), "maxLength", json!(MAX_LABEL_VALUE))
}

pub(super) fn labels() -> Value {
    let labels = with(map(label_value()), "propertyNames", label_name());
    with(labels, "maxProperties", json!(MAX_LABELS))
}
