//! Tool calls in the conversation.

use super::message::short;
use super::tools::MAX_TOOLS;
use crate::parameters::Parameters;
use crate::problem::Problem;
use serde::{Deserialize, Serialize};

pub(crate) const MAX_CALL_ID: usize = 128;

/// A tool call by the model.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ToolCall {
    pub id: String,
    pub name: String,
    /// JSON as the model wrote it, which may be invalid.
    pub arguments: String,
}

pub(super) fn take(given: &mut Parameters) -> Result<Vec<ToolCall>, Problem> {
    let what = format!("a list of at most {MAX_TOOLS} calls");
    let all = given.list("tool_calls", MAX_TOOLS, &what)?.unwrap_or_default();
    let place = given.at("tool_calls");
    let read =
        all.iter().enumerate().map(|(index, raw)| call(Parameters::of(format!("{place}[{index}]"), raw)?));
    read.collect()
}

fn call(mut given: Parameters) -> Result<ToolCall, Problem> {
    let id = short(&mut given, "id", MAX_CALL_ID)?.ok_or_else(|| given.missing("id", "a string"))?;
    given.only::<String>("type", "`function`", |kind| kind == "function")?;
    // A client that assembles an answer from chunks leaves the number of the call in it.
    given.ignore("index");
    let mut function = given.object("function")?.ok_or_else(|| given.missing("function", "an object"))?;
    let name = function.required("name", "a string")?;
    let arguments: String = function.required("arguments", "JSON, as a string")?;
    // The client's parsed form of the arguments.
    function.ignore("parsed_arguments");
    function.none_left(|_| None)?;
    given.none_left(|_| None)?;
    Ok(ToolCall { id, name, arguments: or_empty(arguments) })
}

/// Some servers encode missing arguments as an empty text, which templates would print.
fn or_empty(arguments: String) -> String {
    if arguments.trim().is_empty() { "{}".to_owned() } else { arguments }
}
