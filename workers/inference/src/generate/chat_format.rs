//! Chat formats: the prompt template, reasoning markers and tool-call syntax of a model.

use cortex_api::Problem;
use cortex_api::chat::{self, ChatRequest, Tool, ToolChoice};
use cortex_chat::{
    Calls, CompileError, Content, Conversation, Function, Json, Message, Now, Options, RenderError, Role,
    SpecialTokens, Syntax, Template, ToolCall, ToolCallKind,
};
use cortex_domain::ErrorCode;
use cortex_tokens::{EncodeError, Tokenizer};
use serde_json::Value;

use super::escape::Escaper;
use super::shared::SharedPrompts;

/// A model's chat template, and the syntax of its answers.
#[derive(Debug)]
pub struct ChatFormat {
    template: Template,
    pub(super) syntax: Syntax,
    escaper: Escaper,
    shared: SharedPrompts,
    /// Whether the template supports answers with and without reasoning.
    reasoning_is_optional: bool,
}

/// Why a template can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ChatFormatError {
    #[error(transparent)]
    Template(#[from] CompileError),
    #[error("can't build the search for control tokens: {0}")]
    ParameterNames(#[from] aho_corasick::BuildError),
}

/// A prompt for the engine.
#[derive(Debug)]
pub(super) struct Prompt {
    pub(super) tokens: Vec<u32>,
    /// How many of the first tokens all tenants may find in the cache.
    pub(super) shared: usize,
    /// Whether the answer begins inside the model's reasoning.
    pub(super) in_reasoning: bool,
    /// The marker that ends the reasoning, if the answer may begin with reasoning.
    pub(super) reasoning_end: Option<String>,
}

/// Prompts up to this many times the model's limit are counted to their end, so that the error can
/// name their length.
const COUNTED_LENGTHS: usize = 4;

/// Template variables that other parameters of a request set.
const RESERVED_VARIABLES: [&str; 4] = ["messages", "tools", "add_generation_prompt", "strftime_now"];

impl ChatFormat {
    /// Compiles a chat template.
    ///
    /// # Errors
    ///
    /// Returns an error if `template` is not valid.
    pub fn new(template: &str, tokenizer: &Tokenizer) -> Result<Self, ChatFormatError> {
        let name = |token: Option<&u32>| token.map(|token| tokenizer.text_of(*token).to_owned());
        let named =
            [("bos_token", name(tokenizer.bos().as_ref())), ("eos_token", name(tokenizer.ends().first()))];
        let tokens: SpecialTokens =
            named.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?))).collect();
        let is_control = |text: &str| tokenizer.id(text).is_some_and(|token| tokenizer.is_control(token));
        Ok(Self {
            template: Template::compile(template, tokens)?,
            syntax: Syntax::detect(template).with_control(is_control),
            escaper: Escaper::new(tokenizer)?,
            shared: SharedPrompts::default(),
            reasoning_is_optional: template.contains("enable_thinking"),
        })
    }

    /// Lets all tenants find these system prompts in the cache, if a conversation begins with one
    /// of them.
    #[must_use]
    pub fn sharing(self, system_prompts: Vec<String>) -> Self {
        Self { shared: SharedPrompts::new(system_prompts), ..self }
    }

    /// Returns whether the model supports tool calls.
    pub(super) fn has_calls(&self) -> bool {
        self.syntax.calls != Calls::None
    }

    /// Makes the prompt of a conversation at time `now`, for a model that accepts `longest` tokens.
    ///
    /// # Errors
    ///
    /// Returns a problem with the parameter's name if the template rejects the conversation, or if
    /// the prompt has far too many tokens.
    pub(super) fn prompt(
        &self,
        request: &ChatRequest,
        now: Now,
        tokenizer: &Tokenizer,
        longest: usize,
    ) -> Result<Prompt, Problem> {
        let messages = request.messages.iter().map(|message| self.message(message));
        let mut conversation = Conversation { messages: messages.collect() };
        if !self.template.takes_parts() {
            conversation.flatten();
        }
        let prompt =
            self.template.render(&conversation, &self.options(request, now)?).map_err(render_error)?;
        let tokens = self.escaper.encode(tokenizer, &prompt, count_limit(longest));
        let tokens = tokens.map_err(|error| encode_error("messages", &error, longest))?;
        let in_reasoning = self.syntax.opens_reasoning(&prompt);
        let shared =
            self.shared.count(&request.messages, &tokens, now, (&self.template, &self.escaper, tokenizer));
        Ok(Prompt { tokens, shared, in_reasoning, reasoning_end: self.reasoning_end(&prompt, in_reasoning) })
    }

    fn reasoning_end(&self, prompt: &str, in_reasoning: bool) -> Option<String> {
        let close = &self.syntax.reasoning.as_ref()?.close.text;
        let over = prompt.trim_end().ends_with(close.as_str());
        (in_reasoning || (self.reasoning_is_optional && !over)).then(|| close.clone())
    }

    fn options(&self, request: &ChatRequest, now: Now) -> Result<Options, Problem> {
        let mut options = Options::at(now);
        options.add_generation_prompt = request.opens_answer;
        options.continue_final = request.continues;
        if !request.tools.is_empty() && request.tool_choice != ToolChoice::None {
            options.tools = Some(request.tools.iter().map(|tool| self.tool(tool)).collect::<Result<_, _>>()?);
        }
        for (name, value) in &request.template {
            let parameter = || format!("chat_template_kwargs.{name}");
            if RESERVED_VARIABLES.contains(&name.as_str()) {
                return Err(invalid(
                    &parameter(),
                    format!("`{name}` can't be set here: other parameters of the request set it"),
                ));
            }
            let value = self
                .json(&value.to_string())
                .ok_or_else(|| invalid(&parameter(), "the value can't be parsed as JSON"))?;
            options.variables.insert(name.clone(), value);
        }
        if let Some(Value::Array(documents)) = request.template.get("documents") {
            options.variables.remove("documents");
            options.documents = documents.iter().map(|document| self.json(&document.to_string())).collect();
        }
        Ok(options)
    }

    fn tool(&self, tool: &Tool) -> Result<Json, Problem> {
        self.json(&tool.definition).ok_or_else(|| {
            invalid("tools", format!("the definition of `{}` can't be parsed as JSON", tool.name))
        })
    }

    /// Parses JSON from a user, with control tokens marked.
    fn json(&self, text: &str) -> Option<Json> {
        self.escaper.mark(text).parse().ok()
    }

    fn message(&self, message: &chat::Message) -> Message {
        let mark = |text: &String| self.escaper.mark(text).into_owned();
        let of = |role, content: &String, name: &Option<String>| {
            let mut message = Message::text(role, mark(content));
            message.name = name.as_ref().map(mark);
            message
        };
        match message {
            chat::Message::System { content, name } => of(Role::System, content, name),
            chat::Message::User { content, name } => of(Role::User, content, name),
            chat::Message::Tool { content, call_id, name } => {
                let mut message = of(Role::Tool, content, name);
                message.tool_call_id = Some(mark(call_id));
                message
            }
            chat::Message::Assistant { content, reasoning, calls, name } => Message {
                role: Role::Assistant,
                // Most templates expect an empty content next to calls, not a missing one.
                content: Some(Content::Text(content.as_ref().map(mark).unwrap_or_default())),
                reasoning_content: reasoning.as_ref().map(mark),
                tool_calls: (!calls.is_empty()).then(|| calls.iter().map(|call| self.call(call)).collect()),
                name: name.as_ref().map(mark),
                tool_call_id: None,
            },
        }
    }

    fn call(&self, call: &chat::ToolCall) -> ToolCall {
        let marked = self.escaper.mark(&call.arguments);
        // Arguments that a model wrote may be invalid JSON. The template then shows them unchanged.
        let arguments = marked.parse().unwrap_or_else(|_| Json::from(&*marked));
        let name = self.escaper.mark(&call.name).into_owned();
        ToolCall {
            id: Some(self.escaper.mark(&call.id).into_owned()),
            kind: ToolCallKind::Function,
            function: Function { name, arguments },
        }
    }
}

fn render_error(error: RenderError) -> Problem {
    let parameter = match &error {
        RenderError::NotContinued(_) => "continue_final_message",
        RenderError::Variable(_) => "chat_template_kwargs",
        RenderError::Exception(_)
        | RenderError::Failed { .. }
        | RenderError::LimitExceeded(_)
        | RenderError::Broken(_) => "messages",
    };
    let detail = match &error {
        RenderError::Exception(_) => format!("the model's chat template rejects the conversation: {error}"),
        _ => error.to_string(),
    };
    invalid(parameter, detail)
}

/// Returns how many tokens of a prompt to count, for a model that accepts `longest` tokens.
pub(super) fn count_limit(longest: usize) -> usize {
    longest.saturating_mul(COUNTED_LENGTHS)
}

/// Returns the problem of a prompt that can't be tokenised or has too many tokens.
pub(super) fn encode_error(parameter: &str, error: &EncodeError, longest: usize) -> Problem {
    let detail = match error {
        EncodeError::TooMany { most } => {
            format!(
                "the prompt has more than {most} tokens, but prompt and answer together may have at most {longest}"
            )
        }
        error => error.to_string(),
    };
    invalid(parameter, detail)
}

pub(super) fn invalid(parameter: &str, detail: impl Into<String>) -> Problem {
    Problem::new(ErrorCode::InvalidRequest, detail).at(parameter)
}
