//! Makes prompts from conversations and texts, away from the threads that serve.

use cortex_api::Problem;
use cortex_api::chat::ChatRequest;
use cortex_api::completions::{CompletionRequest, Prompt as PromptInput};
use cortex_tokens::Specials;

use super::super::Caller;
use super::super::chat_format::{Prompt, count_limit, encode_error};
use super::Model;

impl Model {
    /// Returns the request with the prompt of its conversation.
    pub(super) async fn prompt(
        &self,
        request: ChatRequest,
        caller: &Caller,
    ) -> Result<(ChatRequest, Prompt), Problem> {
        let (model, now) = (self.clone(), caller.now());
        let work = move || {
            let engine = model.engine();
            let prompt = model.chat_format()?.prompt(&request, now, engine.tokenizer(), engine.longest())?;
            Ok((request, prompt))
        };
        self.inner.pool.run(caller.account(), work).await?
    }

    /// Returns the request with the tokens of its prompts.
    pub(super) async fn prompts(
        &self,
        mut request: CompletionRequest,
        caller: &Caller,
    ) -> Result<(CompletionRequest, Vec<Vec<u32>>), Problem> {
        let model = self.clone();
        let work = move || {
            let (tokenizer, longest) = (model.engine().tokenizer(), model.engine().longest());
            let tokens = |prompt| match prompt {
                PromptInput::Tokens(tokens) => Ok(tokens),
                PromptInput::Text(text) => tokenizer
                    .encode_within(&text, Specials::Parse, true, count_limit(longest))
                    .map_err(|error| encode_error("prompt", &error, longest)),
            };
            let prompts = std::mem::take(&mut request.prompts).into_iter().map(tokens);
            let prompts = prompts.collect::<Result<_, _>>()?;
            Ok((request, prompts))
        };
        self.inner.pool.run(caller.account(), work).await?
    }
}
