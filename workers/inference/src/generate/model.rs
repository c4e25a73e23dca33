//! A language model that can be asked.

mod prompts;

use std::num::NonZeroU32;
use std::sync::Arc;

use cortex_api::Problem;
use cortex_api::chat::{ChatRequest, Message, ToolChoice};
use cortex_api::completions::CompletionRequest;
use cortex_api::generation::GenerationParams;
use cortex_chat::Parser;
use cortex_domain::ErrorCode;
use cortex_domain::id::ModelName;

use super::chat::{ChatWriter, Spoken};
use super::complete::CompletionWriter;
use super::dialect::{Dialect, wrong};
use super::refuse::{self, Names};
use super::writer::Head;
use super::{Answer, Caller, Defaults, rule};
use crate::lanes::Lanes;
use crate::language::{Engine, Grammar, Request};

/// A loaded language model, asked in OpenAI's shape. Clones share it.
#[derive(Debug, Clone)]
pub struct Model {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    name: ModelName,
    engine: Engine,
    /// `None` for a model that knows no conversations.
    dialect: Option<Dialect>,
    defaults: Defaults,
    lanes: Lanes,
}

const CHAT: Names = Names { prompt: "messages", grammar: "response_format" };
const CALLS: Names = Names { prompt: "messages", grammar: "tools" };
const COMPLETE: Names = Names { prompt: "prompt", grammar: "response_format" };

impl Model {
    pub fn new(name: ModelName, engine: Engine, dialect: Option<Dialect>, defaults: Defaults) -> Self {
        let lanes = Lanes::default();
        Self { inner: Arc::new(Inner { name, engine, dialect, defaults, lanes }) }
    }

    pub fn name(&self) -> &ModelName {
        &self.inner.name
    }

    pub fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    #[cfg(test)]
    pub(super) fn lanes(&self) -> &Lanes {
        &self.inner.lanes
    }

    /// Begins an answer to a conversation.
    ///
    /// # Errors
    /// If the model can't take the request: a parameter is at fault, or it has too much to do.
    pub async fn chat(&self, request: ChatRequest, caller: Caller) -> Result<Answer, Problem> {
        let Inner { name, engine, .. } = &*self.inner;
        self.check(&request.params)?;
        let dialect = self.dialect()?;
        let has_tools = !request.tools.is_empty() && request.tool_choice != ToolChoice::None;
        if has_tools && !dialect.has_calls() {
            return Err(wrong("tools", format!("the template of `{name}` knows no tools")));
        }
        let (request, prompt) = self.prompt(request, &caller).await?;
        let grammar = rule::of_chat(&request, &dialect.syntax.calls, prompt.thinks_until)?;
        let tools = request.tools.iter().filter(|_| has_tools).map(|tool| tool.name.clone());
        let mut parser = Parser::new(&dialect.syntax, tools, prompt.in_reasoning);
        if let Some(Message::Assistant { content: Some(content), .. }) =
            request.messages.last().filter(|_| request.continues)
        {
            // What is there already is no part of the answer.
            parser.push(content);
        }
        let writer = ChatWriter {
            head: self.head("chatcmpl", &request.params, &caller, request.logprobs),
            ids: dialect.syntax.ids,
            choices: (0..request.params.n).map(|_| Spoken::default()).collect(),
        };
        let names = if has_tools { CALLS } else { CHAT };
        let asked = self.request(&request.params, &caller, prompt.tokens, grammar, request.logprobs);
        let asked = Request { shared: prompt.shared, parser: Some(parser), ..asked };
        let events = engine.submit(asked).await.map_err(|error| refuse::refusal(error, names))?;
        Ok(Answer::new(vec![events], Box::new(writer), request.params.streams()))
    }

    /// Begins to go on with texts.
    ///
    /// # Errors
    /// As [`Model::chat`].
    pub async fn complete(&self, request: CompletionRequest, caller: Caller) -> Result<Answer, Problem> {
        let engine = self.engine();
        self.check(&request.params)?;
        let (request, prompts) = self.prompts(request, &caller).await?;
        let grammar =
            || rule::of_format(&request.params.format).map(|rule| Grammar { rule, after: None, on: None });
        let mut events = Vec::with_capacity(prompts.len());
        for tokens in prompts {
            let asked = self.request(&request.params, &caller, tokens, grammar(), request.logprobs);
            events.push(engine.submit(asked).await.map_err(|error| refuse::refusal(error, COMPLETE))?);
        }
        let n = request.params.n as usize;
        let writer = CompletionWriter {
            head: self.head("cmpl", &request.params, &caller, request.logprobs),
            n,
            choices: (0..n * events.len()).map(|_| Default::default()).collect(),
        };
        Ok(Answer::new(events, Box::new(writer), request.params.streams()))
    }

    fn dialect(&self) -> Result<&Dialect, Problem> {
        let Inner { name, dialect, .. } = &*self.inner;
        dialect.as_ref().ok_or_else(|| {
            let detail = format!("`{name}` has no chat template: it continues texts, at /v1/completions");
            Problem::new(ErrorCode::InvalidRequest, detail).at("model")
        })
    }

    fn check(&self, params: &GenerationParams) -> Result<(), Problem> {
        let name = &self.inner.name;
        if params.model == *name {
            return Ok(());
        }
        let detail = format!("this is the model `{name}`, not `{}`", params.model);
        Err(Problem::new(ErrorCode::UnknownModel, detail).at("model"))
    }

    fn head(&self, kind: &str, params: &GenerationParams, caller: &Caller, logprobs: Option<u8>) -> Head {
        Head {
            id: format!("{kind}-{}", caller.job),
            created: caller.created(),
            model: self.inner.name.to_string(),
            wanted: params.streaming.into(),
            logprobs: logprobs.is_some(),
        }
    }

    fn request(
        &self,
        params: &GenerationParams,
        caller: &Caller,
        prompt: Vec<u32>,
        grammar: Option<Grammar>,
        logprobs: Option<u8>,
    ) -> Request {
        Request {
            tenant: caller.account().into(),
            weight: NonZeroU32::MIN,
            prompt,
            shared: 0,
            sampling: self.inner.defaults.sampling(&params.sampling, logprobs, caller.seed()),
            choices: params.n,
            max_tokens: params.max_tokens.map(|most| most as usize),
            stops: params.stop.clone(),
            parser: None,
            whole: !params.streams(),
            grammar,
            ignore_ends: false,
            deadline: caller.deadline,
            cancel: caller.cancel.clone(),
        }
    }
}
