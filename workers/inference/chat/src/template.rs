use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use minijinja::machinery::{eval, make_string_output};
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, Error, ErrorKind};

use crate::{Conversation, Json};

mod budget;
mod clock;
mod compile;
mod continuation;
mod filters;
mod generation;
mod methods;
mod operate;
mod python;
mod size;
mod strings;

pub use budget::LimitExceeded;
pub use clock::Now;

/// A source can nest expressions as deeply as it is long, and minijinja processes them recursively.
const STACK: usize = 64 << 20;

/// The texts of a model's special tokens under their names in templates: `bos_token`, `eos_token`,
/// ...
pub type SpecialTokens = BTreeMap<String, String>;

/// A model's chat template.
#[derive(Debug)]
pub struct Template {
    source: String,
    env: Environment<'static>,
    tokens: SpecialTokens,
}

/// The inputs of a rendering besides the conversation.
#[derive(Clone, Debug)]
pub struct Options {
    /// Definitions of tools, unchanged from the request.
    pub tools: Option<Vec<Json>>,
    pub documents: Option<Vec<Json>>,
    /// Ends the prompt at the beginning of the assistant's next message.
    pub add_generation_prompt: bool,
    /// Ends the prompt inside the conversation's last message, right after its content.
    pub continue_final: bool,
    /// `None` uses the template's default.
    pub enable_thinking: Option<bool>,
    /// Further variables for the template, by name.
    pub variables: BTreeMap<String, Json>,
    /// The time returned by `strftime_now`.
    pub now: Now,
}

impl Options {
    /// Options for a prompt without tools for the assistant's next message.
    pub fn at(now: Now) -> Self {
        Self {
            tools: None,
            documents: None,
            add_generation_prompt: true,
            continue_final: false,
            enable_thinking: None,
            variables: BTreeMap::new(),
            now,
        }
    }
}

/// EndReason a source isn't a valid template.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    #[error("the chat template has an error on line {line}: {why}")]
    Syntax { line: usize, why: String },
    #[error("the chat template must have at most {most} bytes (got {bytes})")]
    TooLong { bytes: usize, most: usize },
    #[error("cannot compile the chat template: {0}")]
    Broken(&'static str),
}

/// EndReason no prompt can be rendered for a conversation.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The template's argument to `raise_exception`.
    #[error("{0}")]
    Exception(String),
    #[error("the chat template failed on line {line}: {why}")]
    Failed { line: usize, why: String },
    #[error("the chat template exceeded its limits: {0}")]
    LimitExceeded(#[from] LimitExceeded),
    #[error("cannot continue the last message: {0}")]
    NotContinued(&'static str),
    #[error("`{0}` is not a valid name for a variable of a chat template")]
    Variable(String),
    #[error("cannot render the chat template: {0}")]
    Broken(&'static str),
}

impl Template {
    /// Compiles a template's source. `tokens` may be empty; tokens that are missing print as
    /// nothing.
    pub fn compile(source: &str, tokens: SpecialTokens) -> Result<Self, CompileError> {
        if source.len() > compile::MAX_SOURCE {
            return Err(CompileError::TooLong { bytes: source.len(), most: compile::MAX_SOURCE });
        }
        let source = generation::as_scopes(&source.replace("\r\n", "\n").replace('\r', "\n"));
        on_own_stack(|| compile::compile(&source).map(drop)).map_err(CompileError::Broken)?.map_err(
            |error| CompileError::Syntax { line: error.line().unwrap_or(0), why: explanation(&error) },
        )?;
        let mut env = compile::environment();
        env.add_function("raise_exception", |message: Value| -> Result<Value, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, "raised").with_source(Exception(message.to_string())))
        });
        Ok(Self { source, env, tokens })
    }

    /// Whether the template accepts messages whose content is a list of parts; if not, call
    /// [`Conversation::flatten`] first.
    pub fn takes_parts(&self) -> bool {
        ["'text'", "\"text\"", ".text"].iter().any(|mark| self.source.contains(mark))
    }

    /// Renders the prompt for a conversation.
    pub fn render(&self, conversation: &Conversation, options: &Options) -> Result<String, RenderError> {
        let messages = Value::from(Serde(conversation));
        let (messages, ending) = match options.continue_final {
            true => continuation::mark(conversation, &self.source)
                .map(|(messages, text)| (messages, Some(text)))?,
            false => (messages, None),
        };
        let context = self.context(continuation::alias_reasoning(messages), options)?;
        let rendered = on_own_stack(|| {
            let compiled = compile::compile(&self.source)?;
            let mut text = String::new();
            let mut out = make_string_output(&mut text);
            eval(&self.env, &compiled.instructions, context, &compiled.blocks, &mut out, AutoEscape::None)?;
            drop(out);
            Ok(text)
        });
        let text = rendered.map_err(RenderError::Broken)?.map_err(failure)?;
        match ending {
            Some(last) => continuation::cut(text, &last),
            None => Ok(text),
        }
    }

    fn context(&self, messages: Value, options: &Options) -> Result<Value, RenderError> {
        let mut variables: BTreeMap<&str, Value> = BTreeMap::new();
        for (name, token) in &self.tokens {
            variables.insert(name, Value::from(token));
        }
        for (name, value) in &options.variables {
            variables.insert(name, value.0.clone());
        }
        if let Some(thinking) = options.enable_thinking {
            variables.insert("enable_thinking", Value::from(thinking));
        }
        if let Some(name) = variables.keys().find(|name| !compile::is_identifier(name)) {
            return Err(RenderError::Variable((*name).to_owned()));
        }
        let list = |values: &Option<Vec<Json>>| match values {
            Some(values) => values.iter().map(|value| value.0.clone()).collect::<Vec<Value>>().into(),
            None => Value::from(()),
        };
        let now = options.now;
        variables.insert("messages", messages);
        variables.insert("tools", list(&options.tools));
        variables.insert("documents", list(&options.documents));
        variables.insert("add_generation_prompt", Value::from(options.add_generation_prompt));
        variables.insert("strftime_now", Value::from_function(move |format: &str| now.format(format)));
        Ok(Value::from_pairs(variables))
    }
}

/// The message of an exception raised by the template itself.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Exception(String);

fn failure(error: Error) -> RenderError {
    if error.kind() == ErrorKind::OutOfFuel {
        return LimitExceeded::Steps.into();
    }
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(error) = cause {
        if let Some(Exception(message)) = error.downcast_ref() {
            return RenderError::Exception(message.clone());
        }
        if let Some(exceeded) = error.downcast_ref::<LimitExceeded>() {
            return (*exceeded).into();
        }
        if error.downcast_ref::<Error>().is_some_and(|error| error.kind() == ErrorKind::OutOfFuel) {
            return LimitExceeded::Steps.into();
        }
        cause = error.source();
    }
    RenderError::Failed { line: error.line().unwrap_or(0), why: explanation(&error) }
}

fn explanation(error: &Error) -> String {
    match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    }
}

/// Runs `work` on its own stack, so that neither deep nesting in a template nor a bug in the engine
/// ends the process.
fn on_own_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, &'static str> {
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("chat-template".to_owned())
            .stack_size(STACK)
            .spawn_scoped(scope, || catch_unwind(AssertUnwindSafe(work)))
            .map_err(|_| "failed to start a thread")?
            .join()
            .unwrap_or_else(Err)
            .map_err(|_| "the template engine failed")
    })
}
