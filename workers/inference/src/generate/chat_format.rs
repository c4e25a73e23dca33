//! How a model wants to be spoken to.

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

/// A model's template, and how it writes its answers.
#[derive(Debug)]
pub struct ChatFormat {
    template: Template,
    pub(super) syntax: Syntax,
    escaper: Escaper,
    shared: SharedPrompts,
    /// Whether the template knows answers with and without thoughts.
    reasoning_is_optional: bool,
}

/// Why a template can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ChatFormatError {
    #[error(transparent)]
    Template(#[from] CompileError),
    #[error("the names of the control tokens can't be looked for: {0}")]
    ParameterNames(#[from] aho_corasick::BuildError),
}

/// What is to be continued.
#[derive(Debug)]
pub(super) struct Prompt {
    pub(super) tokens: Vec<u32>,
    /// How many of the first tokens every tenant may find computed.
    pub(super) shared: usize,
    /// The answer begins inside the model's thoughts.
    pub(super) in_reasoning: bool,
    /// The marker that ends thoughts, if the answer begins with some.
    pub(super) reasoning_end: Option<String>,
}

/// How many times too long a prompt may be and still be counted to its end, so that its refusal says by how much.
const COUNTED_LENGTHS: usize = 4;

/// Variables of a template that a request has other names for.
const RESERVED_VARIABLES: [&str; 4] = ["messages", "tools", "add_generation_prompt", "strftime_now"];

impl ChatFormat {
    /// # Errors
    /// If `template` is no template.
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

    /// Lets all tenants find these system prompts in the cache, where a conversation begins with one of them.
    #[must_use]
    pub fn sharing(self, system_prompts: Vec<String>) -> Self {
        Self { shared: SharedPrompts::new(system_prompts), ..self }
    }

    /// Whether the model can call tools.
    pub(super) fn has_calls(&self) -> bool {
        self.syntax.calls != Calls::None
    }

    /// The prompt for a conversation that was asked to be continued at `now`, for a model that takes `longest` tokens.
    ///
    /// # Errors
    /// If the template refuses it or it has far too many tokens, names a parameter.
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
                    format!("`{name}` is set by other parameters of the request"),
                ));
            }
            let value =
                self.json(&value.to_string()).ok_or_else(|| invalid(&parameter(), "it can't be read"))?;
            options.variables.insert(name.clone(), value);
        }
        if let Some(Value::Array(documents)) = request.template.get("documents") {
            options.variables.remove("documents");
            options.documents = documents.iter().map(|document| self.json(&document.to_string())).collect();
        }
        Ok(options)
    }

    fn tool(&self, tool: &Tool) -> Result<Json, Problem> {
        self.json(&tool.definition)
            .ok_or_else(|| invalid("tools", format!("the definition of `{}` can't be read", tool.name)))
    }

    /// JSON of a user, marked.
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
                // Most templates want an empty content beside calls, not a missing one.
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
        // What the model wrote need not be JSON, and is shown to it as it was.
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
        RenderError::Raised(_)
        | RenderError::Failed { .. }
        | RenderError::Exhausted(_)
        | RenderError::Broken(_) => "messages",
    };
    let detail = match &error {
        RenderError::Raised(_) => format!("the model's template refuses the conversation: {error}"),
        _ => error.to_string(),
    };
    invalid(parameter, detail)
}

/// Tokens up to which a prompt is counted, for a model that takes `longest`.
pub(super) fn count_limit(longest: usize) -> usize {
    longest.saturating_mul(COUNTED_LENGTHS)
}

/// A prompt that makes no tokens, or too many.
pub(super) fn encode_error(parameter: &str, error: &EncodeError, longest: usize) -> Problem {
    let detail = match error {
        EncodeError::TooMany { most } => {
            format!(
                "the prompt has more than {most} tokens, but at most {longest} fit together with the answer"
            )
        }
        error => error.to_string(),
    };
    invalid(parameter, detail)
}

pub(super) fn invalid(parameter: &str, detail: impl Into<String>) -> Problem {
    Problem::new(ErrorCode::InvalidRequest, detail).at(parameter)
}
