//! Labels from the command line.

use std::collections::BTreeMap;

use crate::exit::{Exit, Failure};

/// Parses `name=value` texts. The API checks the names and values.
///
/// # Errors
/// Returns an error if a text has no name, or if two have the same name.
pub(super) fn read(texts: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    let mut labels = BTreeMap::new();
    for text in texts {
        let invalid = |reason: &str| {
            let message = format!("invalid --label {text}: {reason}");
            Failure::message(Exit::BadInput, message, "write each label once, as --label NAME=VALUE")
        };
        let (name, value) = text.split_once('=').ok_or_else(|| invalid("expected NAME=VALUE"))?;
        if name.is_empty() {
            return Err(invalid("missing name"));
        }
        if labels.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err(invalid("duplicate name"));
        }
    }
    Ok(labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(texts: &[&str]) -> Result<BTreeMap<String, String>, String> {
        let texts: Vec<_> = texts.iter().map(|text| (*text).to_owned()).collect();
        read(&texts).map_err(|failure| failure.error.to_string())
    }

    #[test]
    fn a_value_may_hold_an_equals_sign_or_nothing() {
        let labels = of(&["a=b=c", "d="]).unwrap();
        assert_eq!((labels["a"].as_str(), labels["d"].as_str()), ("b=c", ""));
    }

    #[test]
    fn an_invalid_label_is_named() {
        assert_eq!(of(&["a"]).unwrap_err(), "invalid --label a: expected NAME=VALUE");
        assert_eq!(of(&["=b"]).unwrap_err(), "invalid --label =b: missing name");
        assert_eq!(of(&["a=1", "a=2"]).unwrap_err(), "invalid --label a=2: duplicate name");
    }
}
