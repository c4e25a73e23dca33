//! A job's input from the command line: JSON, `@FILE`, or `-`.

use std::io::Read;
use std::path::PathBuf;

use serde_json::value::RawValue;

use crate::exit::{Exit, Failure};

/// The largest input that the API accepts.
const MAX_INPUT_BYTES: u64 = 1024 * 1024;

/// The source of an input.
#[derive(Debug, PartialEq, Eq)]
enum InputSource<'a> {
    Inline(&'a str),
    File(PathBuf),
    Stdin,
}

/// Reads an input and checks that it is JSON.
///
/// # Errors
/// Returns an error with the position if the input is not JSON, or if it can't be read.
pub(super) fn read(argument: &str) -> Result<Box<RawValue>, Failure> {
    match source(argument) {
        InputSource::Inline(text) => parse("INPUT", text),
        InputSource::File(path) => {
            let name = path.display().to_string();
            parse(&name, &read_text(&name, std::fs::File::open(&path))?)
        }
        InputSource::Stdin => {
            parse("standard input", &read_text("standard input", Ok(std::io::stdin().lock()))?)
        }
    }
}

fn source(argument: &str) -> InputSource<'_> {
    match argument.strip_prefix('@') {
        Some(path) => InputSource::File(path.into()),
        None if argument == "-" => InputSource::Stdin,
        None => InputSource::Inline(argument),
    }
}

fn read_text(name: &str, from: std::io::Result<impl Read>) -> Result<String, Failure> {
    let invalid = |reason: &dyn std::fmt::Display| {
        let help = "pass the input as JSON, `@FILE`, or `-` for standard input";
        Failure::message(Exit::BadInput, format!("can't read {name}: {reason}"), help)
    };
    let mut bytes = Vec::new();
    from.and_then(|from| from.take(MAX_INPUT_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|error| invalid(&error))?;
    if bytes.len() as u64 > MAX_INPUT_BYTES {
        return Err(invalid(&"it is larger than 1 MiB"));
    }
    String::from_utf8(bytes).map_err(|error| invalid(&error))
}

fn parse(name: &str, text: &str) -> Result<Box<RawValue>, Failure> {
    serde_json::from_str(text).map_err(|error| {
        let help = if is_bare_text(text) {
            "write a text in double quotes, inside single quotes for the shell: '\"hello\"'"
        } else {
            "correct the input at that position; `cortex submit --help` shows examples"
        };
        Failure::message(Exit::BadInput, format!("{name} is not JSON: {error}"), help)
    })
}

fn is_bare_text(text: &str) -> bool {
    text.trim_start().starts_with(|c: char| c.is_alphabetic() || c == '\'')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(argument: &str) -> String {
        let failure = read(argument).unwrap_err();
        assert_eq!(failure.exit, Exit::BadInput);
        failure.error.to_string()
    }

    #[test]
    fn json_is_passed_on_unchanged() {
        for text in ["{\"a\": 1.0}", "\"hello\"", "[1,  2]", "null", "1e400"] {
            assert_eq!(read(text).unwrap().get(), text);
        }
    }

    #[test]
    fn invalid_json_is_an_error_with_its_position() {
        assert_eq!(error("{\"a\":}"), "INPUT is not JSON: expected value at line 1 column 6");
        assert!(read("hello").unwrap_err().help.contains("double quotes"));
        assert!(error("").contains("line 1 column 0"));
        assert!(error("{} {}").contains("trailing characters at line 1 column 4"));
    }

    #[test]
    fn an_invalid_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("input.json");
        let argument = format!("@{}", path.display());
        assert!(error(&argument).contains("input.json: "));
        std::fs::write(&path, "{\n  \"a\": [\n}").unwrap();
        assert!(error(&argument).contains("input.json is not JSON: expected value at line 3 column 1"));
        std::fs::write(&path, " {\"a\": 1}\n").unwrap();
        assert_eq!(read(&argument).unwrap().get(), "{\"a\": 1}");
        std::fs::write(&path, "1".repeat(MAX_INPUT_BYTES as usize + 1)).unwrap();
        assert!(error(&argument).contains("larger than 1 MiB"));
    }

    #[test]
    fn a_dash_is_standard_input() {
        assert_eq!(source("-"), InputSource::Stdin);
        assert_eq!(source("-1"), InputSource::Inline("-1"));
    }
}
