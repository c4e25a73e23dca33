//! Typed access to the keys of a configuration in either file format.

use cortex_gguf::{Gguf, Value};
use serde_json::Map;

use super::ConfigError;
use super::error::shown;

/// A set of named settings. `null` counts as missing.
pub(crate) trait Keys {
    fn find(&self, key: &str) -> Option<Setting<'_>>;

    fn whole(&self, key: &str) -> Result<Option<u64>, ConfigError> {
        self.read(key, "a non-negative integer", |setting| match setting {
            Setting::Json(value) => value.as_u64(),
            Setting::Gguf(value) => value.as_u64(),
        })
    }

    fn number(&self, key: &str) -> Result<Option<f64>, ConfigError> {
        self.read(key, "a finite number", |setting| {
            let number = match setting {
                Setting::Json(value) => value.as_f64(),
                Setting::Gguf(value) => value.as_f64(),
            };
            number.filter(|number| number.is_finite())
        })
    }

    fn positive(&self, key: &str) -> Result<Option<f64>, ConfigError> {
        let expected = "a number above zero";
        match self.number(key)? {
            Some(found) if found <= 0.0 => {
                Err(ConfigError::Type { key: key.into(), found: found.to_string(), expected })
            }
            number => Ok(number),
        }
    }

    fn flag(&self, key: &str) -> Result<Option<bool>, ConfigError> {
        self.read(key, "true or false", |setting| match setting {
            Setting::Json(value) => value.as_bool(),
            Setting::Gguf(value) => value.as_bool(),
        })
    }

    fn text(&self, key: &str) -> Result<Option<&str>, ConfigError> {
        self.read(key, "a string", |setting| match setting {
            Setting::Json(value) => value.as_str(),
            Setting::Gguf(value) => value.as_str(),
        })
    }

    /// Reads a size from 1 to `most`.
    fn size(&self, key: &str, most: u64) -> Result<usize, ConfigError> {
        self.size_if_there(key, most)?.ok_or_else(|| ConfigError::Missing(key.into()))
    }

    fn size_if_there(&self, key: &str, most: u64) -> Result<Option<usize>, ConfigError> {
        self.whole(key)?.map(|found| checked_size(key, found, most)).transpose()
    }

    fn read<'a, T>(
        &'a self,
        key: &str,
        expected: &'static str,
        read: impl FnOnce(Setting<'a>) -> Option<T>,
    ) -> Result<Option<T>, ConfigError> {
        let Some(setting) = self.find(key) else { return Ok(None) };
        let wrong = || ConfigError::Type { key: key.into(), found: setting.shown(), expected };
        read(setting).ok_or_else(wrong).map(Some)
    }
}

/// A value of a configuration.
#[derive(Clone, Copy)]
pub(crate) enum Setting<'a> {
    Json(&'a serde_json::Value),
    Gguf(&'a Value),
}

impl Setting<'_> {
    fn shown(&self) -> String {
        match self {
            Self::Json(value) => shown(value),
            Self::Gguf(Value::Array(array)) => format!("an array of {}", array.len()),
            Self::Gguf(Value::String(text)) => format!("\"{}\"", shown(text)),
            Self::Gguf(value) => format!("{value:?}"),
        }
    }
}

impl Keys for Map<String, serde_json::Value> {
    fn find(&self, key: &str) -> Option<Setting<'_>> {
        self.get(key).filter(|value| !value.is_null()).map(Setting::Json)
    }
}

impl Keys for Gguf {
    fn find(&self, key: &str) -> Option<Setting<'_>> {
        self.get(key).map(Setting::Gguf)
    }
}

/// Checks that a size is from 1 to `most` and fits a `usize`.
pub(crate) fn checked_size(key: &str, found: u64, most: u64) -> Result<usize, ConfigError> {
    let range = || ConfigError::Range { key: key.into(), found, most };
    usize::try_from(found).ok().filter(|_| (1..=most).contains(&found)).ok_or_else(range)
}
