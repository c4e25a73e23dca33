//! The grammar that an answer must match.

use cortex_api::Problem;
use cortex_api::chat::{ChatRequest, ToolChoice};
use cortex_api::generation::Format;
use cortex_chat::Calls;
use cortex_grammar::{CallSyntax, Rule, Tool};
use serde_json::{Value, json};

use super::chat_format::invalid;
use crate::language::Grammar;

/// The maximum number of calls in one answer.
const MAX_CALLS: usize = 16;

/// Returns the grammar of a format, or `None` if the format allows any text.
pub(super) fn of_format(format: &Format) -> Option<Rule> {
    Some(match format {
        Format::Text => return None,
        Format::JsonObject => Rule::JsonObject,
        Format::JsonSchema(schema) => Rule::JsonSchema(schema.clone()),
        Format::Regex(regex) => Rule::Regex(regex.clone()),
        Format::Lark(lark) => Rule::Lark(lark.clone()),
    })
}

/// Returns the grammar of a chat answer, if its format, a tool choice or strict tools require one.
///
/// # Errors
///
/// Returns a problem with the parameter's name if the model can't satisfy the request.
pub(super) fn of_chat(
    request: &ChatRequest,
    calls: &Calls,
    reasoning_end: Option<String>,
) -> Result<Option<Grammar>, Problem> {
    if let Some(rule) = of_format(&request.params.format) {
        return Ok(Some(Grammar { rule, after: reasoning_end, on: None }));
    }
    let Some(CallGrammar { syntax, on, or_text }) = of_tools(request, calls)? else { return Ok(None) };
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

/// The grammar's settings for tool calls.
struct CallGrammar {
    syntax: CallSyntax,
    /// The marker that opens a call, if calls are optional.
    on: Option<String>,
    /// Whether the answer may be text instead of calls, and no marker opens a call. Text that
    /// doesn't begin like a call is then content.
    or_text: bool,
}

/// Returns the settings for tool calls, or `None` if the answer needs no grammar.
fn of_tools(request: &ChatRequest, calls: &Calls) -> Result<Option<CallGrammar>, Problem> {
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
        Calls::None => return Err(invalid("tools", "the model's chat template does not support tools")),
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
        return Ok(Some(CallGrammar { syntax, on: None, or_text: !forced }));
    }
    Ok(Some(CallGrammar { syntax, on: Some(open), or_text: false }))
}

fn any_object() -> Value {
    json!({"type": "object"})
}
