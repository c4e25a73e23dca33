//! What form an answer is to have, as a grammar.

use cortex_api::Problem;
use cortex_api::chat::{ChatRequest, ToolChoice};
use cortex_api::generation::Format;
use cortex_chat::Calls;
use cortex_grammar::{CallSyntax, Rule, Tool};
use serde_json::{Value, json};

use super::chat_format::invalid;
use crate::language::Grammar;

/// The most calls in one answer.
const MAX_CALLS: usize = 16;

/// The grammar of a format; `None` where any text will do.
pub(super) fn of_format(format: &Format) -> Option<Rule> {
    Some(match format {
        Format::Text => return None,
        Format::JsonObject => Rule::JsonObject,
        Format::JsonSchema(schema) => Rule::JsonSchema(schema.clone()),
        Format::Regex(regex) => Rule::Regex(regex.clone()),
        Format::Lark(lark) => Rule::Lark(lark.clone()),
    })
}

/// The grammar of an answer to a conversation, where it is bound to one: by its format, by a choice of tools, or by
/// the schemas of strict ones.
///
/// # Errors
/// If the model can't keep what is asked for, names the parameter.
pub(super) fn of_chat(
    request: &ChatRequest,
    calls: &Calls,
    reasoning_end: Option<String>,
) -> Result<Option<Grammar>, Problem> {
    if let Some(rule) = of_format(&request.params.format) {
        return Ok(Some(Grammar { rule, after: reasoning_end, on: None }));
    }
    let Some(Form { syntax, on, or_text }) = of_tools(request, calls)? else { return Ok(None) };
    let named = |name: &str| match &request.tool_choice {
        ToolChoice::Named(wanted) => wanted == name,
        _ => true,
    };
    let tools = request.tools.iter().filter(|tool| named(&tool.name)).map(|tool| Tool {
        name: tool.name.clone(),
        parameters: if tool.strict { tool.parameters.clone() } else { any_object() },
    });
    let calls = match request.tool_choice {
        ToolChoice::Named(_) => 1,
        _ if request.parallel_tool_calls => MAX_CALLS,
        _ => 1,
    };
    let rule = Rule::Tools { tools: tools.collect(), syntax, calls, or_text };
    Ok(Some(Grammar { rule, after: reasoning_end, on }))
}

/// How calls are written.
struct Form {
    syntax: CallSyntax,
    /// What opens them where there need be none.
    on: Option<String>,
    /// There need be none, and nothing opens them: text that doesn't begin like a call is none.
    or_text: bool,
}

/// How calls are written; `None` if nothing binds the answer.
fn of_tools(request: &ChatRequest, calls: &Calls) -> Result<Option<Form>, Problem> {
    let choice = &request.tool_choice;
    if request.tools.is_empty() || *choice == ToolChoice::None {
        return Ok(None);
    }
    let forced = *choice != ToolChoice::Auto;
    if !forced && !request.tools.iter().any(|tool| tool.strict) && request.parallel_tool_calls {
        return Ok(None);
    }
    let syntax = |before: &str, between: &str, after: &str, separator: &str| CallSyntax {
        before: before.to_owned(),
        between: between.to_owned(),
        after: after.to_owned(),
        separator: separator.to_owned(),
        ..CallSyntax::default()
    };
    let (mut syntax, open) = match calls {
        Calls::None => return Err(invalid("tools", "this model's template knows no tools")),
        Calls::Tagged { open, close } => {
            let (open, close) = (&open.text, &close.text);
            let syntax = syntax(
                "\n{\"name\": \"",
                "\", \"arguments\": ",
                &format!("}}\n{close}"),
                &format!("\n{open}"),
            );
            (syntax, open.clone())
        }
        Calls::Listed { open } => {
            let listed = syntax("{\"name\": \"", "\", \"arguments\": ", "}", ", ");
            let syntax = CallSyntax { open: "[".to_owned(), close: "]".to_owned(), ..listed };
            (syntax, open.text.clone())
        }
        Calls::Bare { .. } => (syntax("{\"name\": \"", "\", \"parameters\": ", "}", "; "), String::new()),
    };
    if forced || open.is_empty() {
        syntax.open.insert_str(0, &open);
        return Ok(Some(Form { syntax, on: None, or_text: !forced }));
    }
    Ok(Some(Form { syntax, on: Some(open), or_text: false }))
}

fn any_object() -> Value {
    json!({"type": "object"})
}
