//! Parsing of bodies, with errors that a caller can understand.

use cortex_redact::cut;
use serde::de::DeserializeOwned;
use serde_json::Error;
use serde_json::error::Category;

use crate::problem::Problem;
use cortex_domain::ErrorCode;

/// Parses a JSON body. Check its depth first.
///
/// # Errors
/// Returns an error with line and column if the body is not valid JSON or has the wrong shape.
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| unreadable(body, &error))
}

/// Returns the problem of a body that can't be parsed.
pub fn unreadable(body: &[u8], error: &Error) -> Problem {
    let (line, column) = (error.line(), error.column());
    let message = error.to_string();
    let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
    let (kind, detail) = match error.classify() {
        Category::Data => (ErrorCode::InvalidRequest, unwanted(message)),
        Category::Eof => (ErrorCode::MalformedJson, "the body ends in the middle of a value".to_owned()),
        Category::Syntax | Category::Io => {
            let cause = malformed(body, message);
            (
                ErrorCode::MalformedJson,
                format!("the body is not valid JSON: {cause} (line {line}, column {column})"),
            )
        }
    };
    Problem::new(kind, detail).with("line", line).with("column", column)
}

/// Describes why a text is not JSON.
fn malformed(body: &[u8], message: &str) -> &'static str {
    match message {
        _ if body.starts_with(b"\xef\xbb\xbf") => "it begins with a byte order mark: remove it",
        _ if body.starts_with(b"\xff\xfe") || body.starts_with(b"\xfe\xff") => "it is UTF-16: send UTF-8",
        "lone leading surrogate in hex escape" | "unexpected end of hex escape" => {
            "an escape is half of a surrogate pair, such as a lone `\\ud800`: send both halves or \
                neither"
        }
        "invalid unicode code point" => "it is not valid UTF-8",
        "invalid escape" => "a `\\` in a string does not begin a valid escape",
        "invalid number" => "invalid number",
        "number out of range" => "a number is larger than 1.7e308",
        "key must be a string" => "a member's name is not in double quotes",
        "trailing comma" => "trailing `,` before a `]` or `}`",
        "trailing characters" => "unexpected text after the end of the value",
        "expected `:`" => "missing `:`",
        "expected `,` or `]`" => "missing `,` or `]`",
        "expected `,` or `}`" => "missing `,` or `}`",
        message if message.starts_with("control character") => {
            "a string contains a control character: write it as an escape such as `\\n`"
        }
        _ => "expected a value",
    }
}

/// Describes why JSON has the wrong shape.
fn unwanted(message: &str) -> String {
    let name = |rest: &str| cut(rest.split('`').next().unwrap_or_default());
    if let Some(rest) = message.strip_prefix("unknown field `") {
        format!("unsupported field `{}`", name(rest))
    } else if let Some(rest) = message.strip_prefix("missing field `") {
        format!("missing required field `{}`", name(rest))
    } else if let Some(rest) = message.strip_prefix("duplicate field `") {
        format!("duplicate field `{}`", name(rest))
    } else if message.starts_with("invalid ") {
        let expected = message.rsplit_once(", expected ").map_or("", |(_, expected)| expected);
        format!("unexpected type of value (expected {})", wanted(expected))
    } else if message.starts_with("data did not match") {
        "unexpected type of value".to_owned()
    } else {
        // The message is an identifier's own reason, written by this program.
        cut(message)
    }
}

/// Names a type in terms of JSON.
fn wanted(expected: &str) -> &'static str {
    match expected {
        "a string" | "a borrowed string" => "a string",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "f32" | "f64" => "a number",
        "a map" => "an object",
        _ if expected.starts_with("struct ") => "an object",
        _ if expected.starts_with(['u', 'i']) && expected[1..].parse::<u8>().is_ok() => {
            "a whole number in range"
        }
        _ => "another kind of value",
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Body {
        name: String,
        #[serde(default)]
        count: u32,
    }

    #[test]
    fn malformed_json_is_refused_with_its_place() {
        for (text, line, column) in
            [("{\n \"name\" 1}", 2, 9), ("", 1, 0), ("{", 1, 1), ("{\"name\":\"\u{1}\"}", 1, 10)]
        {
            let problem = parse::<Body>(text.as_bytes()).unwrap_err();
            assert_eq!(problem.kind, ErrorCode::MalformedJson, "{text}");
            assert_eq!(
                (&problem.extensions["line"], &problem.extensions["column"]),
                (&line.into(), &column.into())
            );
        }
    }

    #[test]
    fn each_cause_has_a_plain_message() {
        for (body, says) in [
            (&br#"{"name":"\ud800"}"#[..], "half of a surrogate pair"),
            (br#"{"name":"\udc00"}"#, "half of a surrogate pair"),
            (br#"{"name":"\ud83d\n"}"#, "half of a surrogate pair"),
            (b"{\"name\":\"\xff\"}", "not valid UTF-8"),
            (b"\xef\xbb\xbf{}", "byte order mark"),
            (b"\xff\xfe{\0}\0", "UTF-16"),
            (b"{\"name\":\"a\nb\"}", "control character"),
            (br#"{"name":"\x"}"#, "does not begin a valid escape"),
            (br#"{"name":01}"#, "invalid number"),
            (br#"{name:1}"#, "double quotes"),
            (br#"{"name":"a",}"#, "trailing `,`"),
            (br#"{"name":"a"} x"#, "after the end"),
            (br#"{"name" 1}"#, "missing `:`"),
            (br#"{"name":"a" 1}"#, "`,` or `}`"),
            (br#"{"name":NaN}"#, "expected a value"),
            (br#"{"name":"#, "in the middle"),
            (br#"{"name":"a","nmae":1}"#, "unsupported field `nmae`"),
            (br#"{}"#, "missing required field `name`"),
            (br#"{"name":"a","name":"b"}"#, "duplicate field `name`"),
            (br#"{"name":1}"#, "(expected a string)"),
            (br#"{"name":"a","count":-1}"#, "a whole number in range"),
            (br#"{"name":"a","count":[]}"#, "a whole number in range"),
            (br#"["a","b"]"#, "(expected a whole number"),
            (br#"1"#, "(expected an object)"),
        ] {
            let problem = parse::<Body>(body).unwrap_err();
            let text = String::from_utf8_lossy(body);
            assert!(problem.detail.contains(says), "{text}: {}", problem.detail);
            for word in
                ["surrogate in hex", "invalid type", "struct", "u32", "expected value", "EOF", "codepoint"]
            {
                assert!(!problem.detail.contains(word), "{text}: {}", problem.detail);
            }
        }
    }
}
