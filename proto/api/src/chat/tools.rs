//! Tools that the model may call.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

use serde_json::Value;

use crate::generation::{MAX_SCHEMA, any_object, is_name};
use crate::parameters::{Parameters, wrong};
use crate::problem::Problem;
use cortex_redact::quoted;

/// Maximum number of tools.
pub const MAX_TOOLS: usize = 128;

/// A function that the model may call.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Tool {
    pub name: String,
    pub description: Option<String>,
    /// The JSON schema of its arguments. It allows anything if the request has none.
    pub parameters: Value,
    /// Whether the arguments must match the schema.
    pub strict: bool,
    /// The tool as the caller wrote it, for templates that print it in the order of its members.
    pub definition: String,
}

/// Whether the model must call a tool.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum ToolChoice {
    /// The model decides.
    #[default]
    Auto,
    None,
    /// The model must call at least one tool.
    Required,
    /// The model must call the tool of this name, which exists.
    Named(String),
}

pub(super) fn take(parameters: &mut Parameters) -> Result<Vec<Tool>, Problem> {
    let what = format!("a list of at most {MAX_TOOLS} tools");
    let all = parameters.list("tools", MAX_TOOLS, &what)?.unwrap_or_default();
    let mut names = BTreeSet::new();
    let mut tools = Vec::with_capacity(all.len());
    for (index, raw) in all.iter().enumerate() {
        let place = format!("tools[{index}]");
        let tool = tool(Parameters::of(place.clone(), raw)?, raw.get())?;
        if !names.insert(tool.name.clone()) {
            let detail = format!("duplicate tool name `{}`", tool.name);
            return Err(wrong(&format!("{place}.function.name"), detail));
        }
        tools.push(tool);
    }
    Ok(tools)
}

fn tool(mut given: Parameters, definition: &str) -> Result<Tool, Problem> {
    let kind: String = given.required("type", "`function`")?;
    if kind != "function" {
        return Err(given.wrong("type", format!("invalid `{}`: must be `function`", given.at("type"))));
    }
    let Some(mut function) = given.object("function")? else {
        return Err(given.missing("function", "an object"));
    };
    let name: String = function.required("name", "a string")?;
    if !is_name(&name) {
        let detail =
            format!("invalid `{}`: must have 1 to 64 letters, digits, `_` and `-`", function.at("name"));
        return Err(function.wrong("name", detail));
    }
    let description = function.optional("description", "a string")?;
    let parameters = match function.raw("parameters") {
        None => any_object(),
        Some(raw) if raw.get().len() <= MAX_SCHEMA && raw.get().starts_with('{') => {
            serde_json::from_str(raw.get()).map_err(|_| function.must_be("parameters", "a JSON schema"))?
        }
        Some(_) => {
            let what = format!("a JSON schema: an object of at most {MAX_SCHEMA} bytes");
            return Err(function.must_be("parameters", &what));
        }
    };
    let strict = function.optional("strict", "true or false")?.unwrap_or(false);
    function.none_left(|_| None)?;
    given.none_left(|_| None)?;
    Ok(Tool { name, description, parameters, strict, definition: definition.to_owned() })
}

pub(super) fn choice(parameters: &mut Parameters, tools: &[Tool]) -> Result<ToolChoice, Problem> {
    const NAME: &str = "tool_choice";
    let what = "`auto`, `none`, `required` or a function's name as an object";
    let Some(raw) = parameters.raw(NAME) else { return Ok(ToolChoice::Auto) };
    let choice = match serde_json::from_str::<String>(raw.get()).as_deref() {
        Ok("auto") => ToolChoice::Auto,
        Ok("none") => ToolChoice::None,
        Ok("required") => ToolChoice::Required,
        Err(_) if raw.get().starts_with('{') => named(Parameters::of(NAME.to_owned(), &raw)?, tools)?,
        _ => return Err(parameters.must_be(NAME, what)),
    };
    if tools.is_empty() && choice != ToolChoice::None {
        return Err(wrong(NAME, format!("`{NAME}` requires `tools`")));
    }
    Ok(choice)
}

fn named(mut given: Parameters, tools: &[Tool]) -> Result<ToolChoice, Problem> {
    let kind: String = given.required("type", "`function`")?;
    if kind != "function" {
        return Err(given.wrong("type", format!("invalid `{}`: must be `function`", given.at("type"))));
    }
    let Some(mut function) = given.object("function")? else {
        return Err(given.missing("function", "an object"));
    };
    let name: String = function.required("name", "a string")?;
    if !tools.iter().any(|tool| tool.name == name) {
        return Err(
            function.wrong("name", format!("unknown tool {}: must be a name in `tools`", quoted(&name)))
        );
    }
    function.none_left(|_| None)?;
    given.none_left(|_| None)?;
    Ok(ToolChoice::Named(name))
}
