use std::fmt;
use std::str::FromStr;

use minijinja::value::{Serde, Value};
use serde::{Deserialize, Serialize};

/// A JSON value whose objects keep the order of their keys: templates print tool schemas, and the
/// prompt must not depend on a map's sort order.
#[derive(Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Json(pub(crate) Value);

/// Text that isn't valid JSON.
#[derive(Debug, thiserror::Error)]
#[error("invalid JSON: {0}")]
pub struct JsonError(#[from] serde_json::Error);

impl Json {
    /// Whether this is an object.
    pub fn is_object(&self) -> bool {
        self.0.kind() == minijinja::value::ValueKind::Map
    }
}

impl FromStr for Json {
    type Err = JsonError;

    fn from_str(text: &str) -> Result<Self, JsonError> {
        Ok(serde_json::from_str(text)?)
    }
}

/// Keys keep the order of serde_json's map, which is sorted unless its `preserve_order` feature is
/// on.
impl From<&serde_json::Value> for Json {
    fn from(value: &serde_json::Value) -> Self {
        Self(Value::from(Serde(value)))
    }
}

impl From<bool> for Json {
    fn from(value: bool) -> Self {
        Self(value.into())
    }
}

impl From<&str> for Json {
    fn from(value: &str) -> Self {
        Self(value.into())
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self)
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}
