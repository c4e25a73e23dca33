//! The front door: finds the route, and turns every refusal into a document.

use cortex_guard::api::EmbeddingsRequest;
use cortex_guard::api::chat::{ChatRequest, ShortChat};
use cortex_guard::api::completions::CompletionRequest;
use cortex_guard::{Problem, precheck};
use worker::{Context, Env, Request, Response, Result, event};

use crate::incoming::{self, Head};
use crate::refusal::Refusal;
use crate::routes::{Route, admin, create, events, health, job, list, route, through};
use crate::{admit, answer, log};

#[event(fetch)]
async fn fetch(mut request: Request, env: Env, context: Context) -> Result<Response> {
    let path = request.url().map(|url| url.path().to_owned()).unwrap_or_default();
    match enter(&mut request, &env, &context).await {
        Ok(answer) => Ok(answer),
        Err(refusal) => {
            incoming::drain(&mut request).await;
            let problem = refusal.into_problem();
            log::info("request.refused", &[("path", &path), ("kind", problem.kind.slug())]);
            answer::problem(&problem, &path)
        }
    }
}

async fn enter(request: &mut Request, env: &Env, context: &Context) -> Result<Response, Refusal> {
    let head = Head::of(request)?;
    let route = route(&head.method, &head.path)?;
    precheck::check_headers(head.headers.iter().map(|(name, value)| (name, value)))?;
    match route {
        Route::Health => return health::answer(env).await,
        Route::Internal(internal) => return admin::answer(internal, &head, request, env).await,
        _ => {}
    }
    let caller = admit::caller(&head, env).await?;
    match route {
        Route::CreateJob => create::answer(&head, request, &caller, env, context).await,
        Route::GetJob(id) => job::get(id, &head, &caller, env).await,
        Route::CancelJob(id) => job::cancel(id, &head, request, &caller, env).await,
        Route::JobEvents(id) => events::answer(id, &head, &caller, env).await,
        Route::Embeddings => through::infer(EmbeddingsRequest::parse, &head, request, &caller, env).await,
        Route::Chat => through::infer(ChatRequest::parse, &head, request, &caller, env).await,
        Route::Complete => through::infer(CompletionRequest::parse, &head, request, &caller, env).await,
        Route::Short => through::infer(short, &head, request, &caller, env).await,
        Route::ListJobs => list::answer(&head, &caller, env).await,
        Route::Models => through::read(&head, &caller, env).await,
        Route::Health | Route::Internal(_) => Err(crate::refusal::not_found()),
    }
}

/// Refuses what the conversation that a short one stands for would be refused for.
fn short(content_type: Option<&str>, body: &[u8]) -> Result<ChatRequest, Problem> {
    ShortChat::parse(content_type, body)?.request()
}
