//! A loaded language model with requests in OpenAI's shape.

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

use super::chat::{ChatWriter, ChoiceState};
use super::chat_format::{ChatFormat, invalid};
use super::complete::CompletionWriter;
use super::error::{self, ParameterNames};
use super::writer::AnswerHead;
use super::{Answer, Caller, Defaults, rule};
use crate::blocking::BlockingPool;
use crate::language::{Engine, Grammar, Request};

/// A loaded language model with requests in OpenAI's shape. Clones share it.
#[derive(Debug, Clone)]
pub struct Model {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    name: ModelName,
    engine: Engine,
    /// `None` for a model without a chat template.
    chat_format: Option<ChatFormat>,
    defaults: Defaults,
    pool: BlockingPool,
}

const CHAT: ParameterNames = ParameterNames { prompt: "messages", grammar: "response_format" };
const CALLS: ParameterNames = ParameterNames { prompt: "messages", grammar: "tools" };
const COMPLETE: ParameterNames = ParameterNames { prompt: "prompt", grammar: "response_format" };

impl Model {
    pub fn new(name: ModelName, engine: Engine, chat_format: Option<ChatFormat>, defaults: Defaults) -> Self {
        let pool = BlockingPool::default();
        Self { inner: Arc::new(Inner { name, engine, chat_format, defaults, pool }) }
    }

    pub fn name(&self) -> &ModelName {
        &self.inner.name
    }

    pub fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    #[cfg(test)]
    pub(super) fn pool(&self) -> &BlockingPool {
        &self.inner.pool
    }

    /// Starts the answer to a conversation.
    ///
    /// # Errors
    ///
    /// Returns a problem if a parameter is invalid or the model is overloaded.
    pub async fn chat(&self, request: ChatRequest, caller: Caller) -> Result<Answer, Problem> {
        let Inner { name, engine, .. } = &*self.inner;
        self.check(&request.params)?;
        let chat_format = self.chat_format()?;
        let has_tools = !request.tools.is_empty() && request.tool_choice != ToolChoice::None;
        if has_tools && !chat_format.has_calls() {
            return Err(invalid("tools", format!("the chat template of `{name}` does not support tools")));
        }
        let (request, prompt) = self.prompt(request, &caller).await?;
        let grammar = rule::of_chat(&request, &chat_format.syntax.calls, prompt.reasoning_end)?;
        let tools = request.tools.iter().filter(|_| has_tools).map(|tool| tool.name.clone());
        let mut parser = Parser::new(&chat_format.syntax, tools, prompt.in_reasoning);
        if let Some(Message::Assistant { content: Some(content), .. }) =
            request.messages.last().filter(|_| request.continues)
        {
            // The text that is already there is not part of the answer.
            parser.push(content);
        }
        let writer = ChatWriter {
            head: self.head("chatcmpl", &request.params, &caller, request.logprobs),
            ids: chat_format.syntax.ids,
            choices: (0..request.params.n).map(|_| ChoiceState::default()).collect(),
        };
        let names = if has_tools { CALLS } else { CHAT };
        let asked = self.request(&request.params, &caller, prompt.tokens, grammar, request.logprobs);
        let asked = Request { shared: prompt.shared, parser: Some(parser), ..asked };
        let events = engine.submit(asked).await.map_err(|error| error::submit_error(error, names))?;
        Ok(Answer::new(vec![events], Box::new(writer), request.params.streams()))
    }

    /// Starts the completions of prompts.
    ///
    /// # Errors
    ///
    /// Returns a problem for the reasons of [`Model::chat`].
    pub async fn complete(&self, request: CompletionRequest, caller: Caller) -> Result<Answer, Problem> {
        let engine = self.engine();
        self.check(&request.params)?;
        let (request, prompts) = self.prompts(request, &caller).await?;
        let grammar =
            || rule::of_format(&request.params.format).map(|rule| Grammar { rule, after: None, on: None });
        let mut events = Vec::with_capacity(prompts.len());
        for tokens in prompts {
            let asked = self.request(&request.params, &caller, tokens, grammar(), request.logprobs);
            events.push(engine.submit(asked).await.map_err(|error| error::submit_error(error, COMPLETE))?);
        }
        let n = request.params.n as usize;
        let writer = CompletionWriter {
            head: self.head("cmpl", &request.params, &caller, request.logprobs),
            n,
            choices: (0..n * events.len()).map(|_| Default::default()).collect(),
        };
        Ok(Answer::new(events, Box::new(writer), request.params.streams()))
    }

    fn chat_format(&self) -> Result<&ChatFormat, Problem> {
        let Inner { name, chat_format, .. } = &*self.inner;
        chat_format.as_ref().ok_or_else(|| {
            let detail = format!("the model `{name}` has no chat template: use /v1/completions");
            Problem::new(ErrorCode::InvalidRequest, detail).at("model")
        })
    }

    fn check(&self, params: &GenerationParams) -> Result<(), Problem> {
        let name = &self.inner.name;
        if params.model == *name {
            return Ok(());
        }
        let detail = format!("unknown model `{}`: this worker serves `{name}`", params.model);
        Err(Problem::new(ErrorCode::UnknownModel, detail).at("model"))
    }

    fn head(
        &self,
        kind: &str,
        params: &GenerationParams,
        caller: &Caller,
        logprobs: Option<u8>,
    ) -> AnswerHead {
        AnswerHead {
            id: format!("{kind}-{}", caller.job),
            created: caller.created(),
            model: self.inner.name.to_string(),
            options: params.streaming.into(),
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
