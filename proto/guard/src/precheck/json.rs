//! Reading a body, with an error a caller can act on.

use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::problem::{Kind, Problem};

/// Reads a JSON body. Check its depth first.
///
/// # Errors
/// If it is not JSON, with line and column; or if it is, but not what is wanted here, with the parser's words
/// for it: they name fields of our own and the types found, never the values.
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| problem(&error))
}

pub(crate) fn problem(error: &serde_json::Error) -> Problem {
    let (line, column) = (error.line(), error.column());
    let place = |problem: Problem| problem.with("line", line).with("column", column);
    match error.classify() {
        Category::Data => {
            let message = error.to_string();
            let detail = message.split(" at line ").next().unwrap_or_default();
            place(Problem::new(Kind::InvalidRequest, detail))
        }
        Category::Eof => place(Problem::new(Kind::MalformedJson, "the body ends in the middle of a value")),
        Category::Syntax | Category::Io => {
            let detail = format!("the body is not JSON: see line {line}, column {column}");
            place(Problem::new(Kind::MalformedJson, detail))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    struct Body {
        #[allow(dead_code)]
        name: String,
    }

    #[test]
    fn malformed_json_is_refused_with_its_place() {
        for (text, line, column) in
            [("{\n \"name\" 1}", 2, 9), ("", 1, 0), ("{", 1, 1), ("{\"name\":\"\u{1}\"}", 1, 10)]
        {
            let problem = parse::<Body>(text.as_bytes()).unwrap_err();
            assert_eq!(problem.kind, Kind::MalformedJson, "{text}");
            assert_eq!(
                (&problem.extensions["line"], &problem.extensions["column"]),
                (&line.into(), &column.into())
            );
        }
        assert_eq!(parse::<Body>(b"{\"name\":\"\xff\"}").unwrap_err().kind, Kind::MalformedJson);
    }

    #[test]
    fn an_unknown_field_is_named() {
        let problem = parse::<Body>(b"{\"name\":\"a\",\"nmae\":1}").unwrap_err();
        assert_eq!(problem.kind, Kind::InvalidRequest);
        assert_eq!(problem.detail, "unknown field `nmae`, expected `name`");
    }
}
