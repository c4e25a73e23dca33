//! `job.chat.simple` and `job.complete`: requests and answers in the shape of OpenAI's routes.

use bytes::Bytes;
use cortex_api::Problem;
use cortex_api::body::Checked;
use cortex_api::chat::ChatRequest;
use cortex_api::completions::CompletionRequest;
use cortex_inference::generate::{Answer, Caller, Shelf};
use cortex_runtime::Context;
use cortex_wire::stream::Encoder;

pub(super) async fn chat(shelf: &Shelf, caller: Caller, context: &Context) -> Result<Bytes, Problem> {
    let parse = |body: &[u8]| ChatRequest::parse(Checked::trust(body));
    let request = shelf.lanes().read(caller.account(), context.input.clone(), parse).await?;
    let lease = shelf.get(&request.terms.model).await?;
    say(lease.chat(request, caller).await?, context).await
}

pub(super) async fn complete(shelf: &Shelf, caller: Caller, context: &Context) -> Result<Bytes, Problem> {
    let parse = |body: &[u8]| CompletionRequest::parse(Checked::trust(body));
    let request = shelf.lanes().read(caller.account(), context.input.clone(), parse).await?;
    let lease = shelf.get(&request.terms.model).await?;
    say(lease.complete(request, caller).await?, context).await
}

/// Sends chunks as lines where they are wanted, and gives the whole.
async fn say(mut answer: Answer, context: &Context) -> Result<Bytes, Problem> {
    if answer.streams() {
        while let Some(chunks) = answer.next().await? {
            context.frames.send(Encoder::lines(&chunks)).await;
        }
        context.frames.send(Encoder::end()).await;
    }
    answer.document().await
}
