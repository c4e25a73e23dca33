//! The request.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::message::{self, Message};
use super::tools::{self, Tool, ToolChoice};
#[cfg(feature = "schema")]
use super::{MAX_MESSAGES, MAX_TOOLS, schema};
use crate::body::Checked;
use crate::generation::{Format, GenerationParams, hint};
use crate::parameters::{Parameters, wrong};
use crate::problem::Problem;

/// Maximum number of alternatives to return for each token.
pub(crate) const MAX_TOP: i64 = 20;

/// A request to answer a conversation.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields, transform = schema::add_rules))]
pub struct ChatRequest {
    #[cfg_attr(feature = "schema", schemars(flatten))]
    #[serde(rename = "terms")]
    pub params: GenerationParams,
    /// The conversation, oldest first.
    #[cfg_attr(feature = "schema", schemars(with = "Vec<schema::Message>", length(min = 1, max = MAX_MESSAGES)))]
    pub messages: Vec<Message>,
    /// Functions that the model may call. Their names must differ.
    #[cfg_attr(feature = "schema", schemars(with = "Option<Vec<schema::Tool>>", length(max = MAX_TOOLS)))]
    pub tools: Vec<Tool>,
    /// Whether the model calls a tool, and which. The default is `auto`.
    #[cfg_attr(feature = "schema", schemars(with = "Option<schema::ToolChoice>"))]
    pub tool_choice: ToolChoice,
    /// Whether the model may call several tools at once.
    #[cfg_attr(feature = "schema", schemars(with = "Option<bool>"))]
    pub parallel_tool_calls: bool,
    /// How many alternatives to return for each token. `None` returns no probabilities.
    #[cfg_attr(feature = "schema", schemars(flatten, with = "schema::Members"))]
    pub logprobs: Option<u8>,
    /// Variables for the model's template.
    #[cfg_attr(
        feature = "schema",
        schemars(rename = "chat_template_kwargs", with = "Option<Map<String, Value>>")
    )]
    pub template: Map<String, Value>,
    /// Whether the template starts an answer. False if the answer continues the last message.
    #[cfg_attr(feature = "schema", schemars(rename = "add_generation_prompt", with = "Option<bool>"))]
    pub opens_answer: bool,
    /// Whether the answer continues the last message, which must be the assistant's.
    #[cfg_attr(feature = "schema", schemars(rename = "continue_final_message", with = "Option<bool>"))]
    pub continues: bool,
}

impl ChatRequest {
    /// Creates a request with defaults for all optional parameters.
    pub(super) fn new(params: GenerationParams, messages: Vec<Message>) -> Self {
        Self {
            params,
            messages,
            tools: Vec::new(),
            tool_choice: ToolChoice::Auto,
            parallel_tool_calls: true,
            logprobs: None,
            template: Map::new(),
            opens_answer: true,
            continues: false,
        }
    }

    /// Parses and validates a body: size, content type, depth, syntax, secrets, then every
    /// parameter.
    ///
    /// # Errors
    /// Returns a problem that names the invalid parameter. An unsupported parameter is an error and
    /// is never ignored.
    pub fn parse(body: Checked<'_>) -> Result<Self, Problem> {
        let mut parameters = Parameters::body(body)?;
        let params = GenerationParams::take(&mut parameters)?;
        let messages = message::take(&mut parameters)?;
        let tools = tools::take(&mut parameters)?;
        let tool_choice = tools::choice(&mut parameters, &tools)?;
        let parallel = parameters.optional("parallel_tool_calls", "true or false")?.unwrap_or(true);
        let logprobs = logprobs(&mut parameters)?;
        let template = parameters.optional("chat_template_kwargs", "an object")?.unwrap_or_default();
        let continues = parameters.optional("continue_final_message", "true or false")?.unwrap_or(false);
        let opens = parameters.optional("add_generation_prompt", "true or false")?;
        parameters.only::<Vec<String>>("modalities", "[\"text\"]", |modalities| modalities == &["text"])?;
        parameters.none_left(hint)?;

        if continues {
            continuable(&messages)?;
            if opens == Some(true) {
                let detail = "`add_generation_prompt` and `continue_final_message` exclude each other: send \
                        only one";
                return Err(wrong("add_generation_prompt", detail));
            }
        }
        if params.format != Format::Text && !tools.is_empty() && tool_choice != ToolChoice::None {
            let detail =
                "`response_format` and `tools` exclude each other: send only one, or `tool_choice: none`";
            return Err(wrong("response_format", detail));
        }
        Ok(Self {
            params,
            messages,
            tools,
            tool_choice,
            parallel_tool_calls: parallel,
            logprobs,
            template,
            opens_answer: opens.unwrap_or(!continues),
            continues,
        })
    }
}

fn logprobs(parameters: &mut Parameters) -> Result<Option<u8>, Problem> {
    let wanted = parameters.optional("logprobs", "true or false")?.unwrap_or(false);
    let top = parameters.whole("top_logprobs", 0, MAX_TOP)?;
    match (wanted, top) {
        (true, top) => Ok(Some(top.and_then(|top| u8::try_from(top).ok()).unwrap_or(0))),
        (false, None | Some(0)) => Ok(None),
        (false, Some(_)) => Err(wrong("top_logprobs", "`top_logprobs` requires `logprobs: true`")),
    }
}

fn continuable(messages: &[Message]) -> Result<(), Problem> {
    match messages.last() {
        Some(Message::Assistant { content: Some(_), calls, .. }) if calls.is_empty() => Ok(()),
        _ => {
            let detail = "`continue_final_message` requires a last message of role `assistant` with text and \
                    without tool calls";
            Err(wrong("continue_final_message", detail))
        }
    }
}
