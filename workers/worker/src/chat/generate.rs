//! `job.chat.simple` and `job.complete`: requests and answers in the shape of OpenAI's routes.

use bytes::Bytes;
use cortex_api::chat::ChatRequest;
use cortex_api::completions::CompletionRequest;
use cortex_api::generation::TokenUsage;
use cortex_api::{ModelRequest, Problem};
use cortex_domain::job::InputFormat;
use cortex_inference::generate::{Answer, Caller, ModelRegistry};
use cortex_platform::telemetry::genai;
use cortex_runtime::Context;
use cortex_wire::stream::Encoder;

use crate::usage;

pub(super) async fn chat(
    registry: &ModelRegistry,
    caller: Caller,
    format: InputFormat,
    context: &Context,
) -> Result<Bytes, Problem> {
    let request: ChatRequest = read(registry, &caller, format, context).await?;
    let handle = registry.get(&request.params.model).await?;
    usage::of_request(genai::CHAT, &request.params.model);
    send_answer(handle.chat(request, caller).await?, context).await
}

pub(super) async fn complete(
    registry: &ModelRegistry,
    caller: Caller,
    format: InputFormat,
    context: &Context,
) -> Result<Bytes, Problem> {
    let request: CompletionRequest = read(registry, &caller, format, context).await?;
    let handle = registry.get(&request.params.model).await?;
    usage::of_request(genai::TEXT_COMPLETION, &request.params.model);
    send_answer(handle.complete(request, caller).await?, context).await
}

async fn read<T: ModelRequest + Send + 'static>(
    registry: &ModelRegistry,
    caller: &Caller,
    format: InputFormat,
    context: &Context,
) -> Result<T, Problem> {
    let read = move |input: &[u8]| T::from_input(format, input);
    registry.pool().read(caller.account(), context.input.clone(), read).await
}

/// Sends the chunks of a streamed answer as lines, and returns the whole answer.
async fn send_answer(mut answer: Answer, context: &Context) -> Result<Bytes, Problem> {
    let streams = answer.streams();
    while let Some(chunks) = answer.next().await? {
        if streams {
            context.frames.send(Encoder::lines(&chunks)).await;
        }
    }
    if streams {
        context.frames.send(Encoder::end()).await;
    }
    let TokenUsage { prompt_tokens, completion_tokens, .. } = answer.usage();
    usage::of_response(prompt_tokens, Some(completion_tokens));
    answer.document().await
}
