//! Labels from the command line.

use std::collections::BTreeMap;

use crate::exit::{Exit, Failure};

/// Reads `name=value` texts. What a label may be is for the API to say.
///
/// # Errors
/// If one reads otherwise, or a name is given twice.
pub(super) fn read(texts: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    let mut labels = BTreeMap::new();
    for text in texts {
        let wrong = |why: &str| Failure::message(Exit::BadInput, format!("--label {text}: {why}"));
        let (name, value) = text.split_once('=').ok_or_else(|| wrong("write NAME=VALUE"))?;
        if name.is_empty() {
            return Err(wrong("the name is missing"));
        }
        if labels.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err(wrong("the name is given twice"));
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
    fn what_is_no_label_is_named() {
        assert_eq!(of(&["a"]).unwrap_err(), "--label a: write NAME=VALUE");
        assert_eq!(of(&["=b"]).unwrap_err(), "--label =b: the name is missing");
        assert_eq!(of(&["a=1", "a=2"]).unwrap_err(), "--label a=2: the name is given twice");
    }
}
