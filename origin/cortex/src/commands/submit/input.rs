//! A job's input from the command line: JSON, `@FILE`, or `-`.

use std::io::Read;
use std::path::PathBuf;

use serde_json::value::RawValue;

use crate::exit::{Exit, Failure};

/// What the API takes at most; more is not read.
const MAX_INPUT_BYTES: u64 = 1024 * 1024;

/// Where an input is.
#[derive(Debug, PartialEq, Eq)]
enum InputSource<'a> {
    Inline(&'a str),
    File(PathBuf),
    Stdin,
}

/// Reads an input and checks that it is JSON.
///
/// # Errors
/// If it can't be read, or is not JSON: says where.
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
    let wrong = |why: &dyn std::fmt::Display| Failure::message(Exit::BadInput, format!("{name}: {why}"));
    let mut bytes = Vec::new();
    from.and_then(|from| from.take(MAX_INPUT_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|error| wrong(&error))?;
    if bytes.len() as u64 > MAX_INPUT_BYTES {
        return Err(wrong(&"an input has at most 1 MiB"));
    }
    String::from_utf8(bytes).map_err(|error| wrong(&error))
}

fn parse(name: &str, text: &str) -> Result<Box<RawValue>, Failure> {
    serde_json::from_str(text).map_err(|error| {
        let hint = if is_bare(text) { "; a text is JSON in double quotes" } else { "" };
        Failure::message(Exit::BadInput, format!("{name} is not JSON: {error}{hint}"))
    })
}

fn is_bare(text: &str) -> bool {
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
    fn json_passes_as_it_was_written() {
        for text in ["{\"a\": 1.0}", "\"hello\"", "[1,  2]", "null", "1e400"] {
            assert_eq!(read(text).unwrap().get(), text);
        }
    }

    #[test]
    fn what_is_not_json_is_refused_at_its_place() {
        assert_eq!(error("{\"a\":}"), "INPUT is not JSON: expected value at line 1 column 6");
        assert!(
            error("hello").ends_with("line 1 column 1; a text is JSON in double quotes"),
            "{}",
            error("hello")
        );
        assert!(error("").contains("line 1 column 0"));
        assert!(error("{} {}").contains("trailing characters at line 1 column 4"));
    }

    #[test]
    fn a_file_is_named_when_it_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("input.json");
        let argument = format!("@{}", path.display());
        assert!(error(&argument).contains("input.json: "));
        std::fs::write(&path, "{\n  \"a\": [\n}").unwrap();
        assert!(error(&argument).contains("input.json is not JSON: expected value at line 3 column 1"));
        std::fs::write(&path, " {\"a\": 1}\n").unwrap();
        assert_eq!(read(&argument).unwrap().get(), "{\"a\": 1}");
        std::fs::write(&path, "1".repeat(MAX_INPUT_BYTES as usize + 1)).unwrap();
        assert!(error(&argument).contains("at most 1 MiB"));
    }

    #[test]
    fn a_dash_is_standard_input() {
        assert_eq!(source("-"), InputSource::Stdin);
        assert_eq!(source("-1"), InputSource::Inline("-1"));
    }
}
