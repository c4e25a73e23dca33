//! The entry point of requests. It finds the route, and turns every error into a problem document.
//!
//! Cheap checks come first: the head, then the form of the key, then the answer of the tenant's
//! ledger, and only then the body.

use std::pin::pin;

use cortex_api::body::{Checked, check_content_type};
use cortex_api::chat::{ChatRequest, SimpleChat};
use cortex_api::completions::CompletionRequest;
use cortex_api::routes::{AtEdge, Caller, Public, find_at_edge};
use cortex_api::{EmbeddingsRequest, Problem, headers, openapi};
use cortex_domain::id::JobId;
use cortex_otlp::{AttributeValue, Span, SpanKind};
use futures::future::{Either, select};
use worker::{Context, Env, Request, Response, ResponseBuilder, Result, event};

use crate::admit::Presented;
use crate::body::Incoming;
use crate::disconnect::ClientDisconnect;
use crate::error::{ApiError, no_route, not_found};
use crate::incoming::Head;
use crate::ledger::client::LedgerClient;
use crate::routes::{admin, create, events, health, job, list, proxy};
use crate::signed::Signed;
use crate::trace::{Exporter, OpenSpan};
use crate::{admit, answer, body, clock, config, cors, log};

/// The logged status of a request with a disconnected client. It is never sent.
const CLIENT_LEFT: u16 = 499;

#[event(fetch)]
async fn fetch(mut request: Request, env: Env, context: Context) -> Result<Response> {
    let disconnect = ClientDisconnect::of(&request);
    let served = pin!(serve(&mut request, &env, &context));
    let left = pin!(disconnect.wait());
    match select(served, left).await {
        Either::Left((answer, _)) => answer,
        // Dropping the future ends everything that the request holds, including its call to the
        // origin.
        Either::Right(_) => {
            log::info("client.left", &[]);
            Ok(ResponseBuilder::new().with_status(CLIENT_LEFT).empty())
        }
    }
}

async fn serve(request: &mut Request, env: &Env, context: &Context) -> Result<Response> {
    let exporter = Exporter::of(env);
    let (head, span) = match Head::of(request, &exporter) {
        Ok(started) => started,
        Err(refusal) => return answer::problem(&refusal.into_problem(), ""),
    };
    let answered = respond(&head, request, env, context).await;
    exporter.export(ended(span, &head, &answered), env, context);
    answered
}

/// Returns the method and path of a request's row in the route table. Callers choose paths, so
/// spans and log lines have these instead.
fn route_of(head: &Head) -> (&'static str, &'static str) {
    let route = find_at_edge(&head.method, &head.path).ok().map(|found| found.info);
    route.map_or(("other", "unmatched"), |info| (info.method.as_str(), info.path))
}

/// Ends the span of a request.
fn ended(span: OpenSpan, head: &Head, answered: &Result<Response>) -> Option<Span> {
    let (method, path) = route_of(head);
    let status = answered.as_ref().map_or(500, Response::status_code);
    let mut attributes = vec![
        ("http.request.method", AttributeValue::Text(method.to_owned())),
        ("http.route", AttributeValue::Text(path.to_owned())),
        ("http.response.status_code", AttributeValue::Number(status.into())),
    ];
    let job = answered.as_ref().ok().and_then(|answer| answer.headers().get(headers::JOB_ID).ok().flatten());
    attributes.extend(job.map(|job| ("cortex.job.id", AttributeValue::Text(job))));
    span.end(format!("{method} {path}"), SpanKind::Server, clock::now(), attributes, status >= 500)
}

async fn respond(head: &Head, request: &mut Request, env: &Env, context: &Context) -> Result<Response> {
    // An invalid list allows no origin, and /health reports it.
    let origins = config::cors_origins(env).unwrap_or_default();
    if let Some(answer) = cors::preflight(head, &origins) {
        return cors::onto(answer?, head, &origins);
    }
    let answered = match enter(head, request, env, context).await {
        Ok(answer) => answer,
        Err(refusal) => {
            body::drain(request, Some(head)).await;
            let problem = refusal.into_problem();
            let trace_id = head.traceparent.trace_id();
            let (_, route) = route_of(head);
            let fields = [("route", route), ("kind", problem.kind.slug()), ("trace_id", trace_id)];
            log::info("request.refused", &fields);
            answer::problem(&problem, &head.path)?
        }
    };
    cors::onto(answered, head, &origins)
}

async fn enter(
    head: &Head,
    request: &mut Request,
    env: &Env,
    context: &Context,
) -> Result<Response, ApiError> {
    let found = find_at_edge(&head.method, &head.path).map_err(|none| no_route(none, &head.path))?;
    let takes = found.info.body;
    head.check(takes)?;
    match found.route {
        AtEdge::Public(Public::Health) => health::answer(env).await,
        AtEdge::Public(Public::OpenApi) => {
            Ok(answer::bytes(200, "application/json", openapi::TEXT.into(), &[])?)
        }
        AtEdge::Service(route) => {
            let signed = Signed::verify(head, request, takes, env).await?;
            let route = route.naming(found.named).ok_or_else(not_found)?;
            admin::answer(route, &signed, head, env, context).await
        }
        AtEdge::Caller(route) => {
            if takes.is_json() {
                check_content_type(head.content_type())?;
            }
            let presented = admit::presented(head, env).await?;
            let Some(route) = route.naming(found.named) else {
                // Only authenticated callers learn that the resource can't exist.
                LedgerClient::of(env, &presented.tenant)?.check(&presented).await?;
                return Err(not_found());
            };
            call(route, head, Incoming { request, takes }, &presented, env, context).await
        }
    }
}

/// Responds to a caller with a key.
async fn call(
    route: Caller<JobId>,
    head: &Head,
    incoming: Incoming<'_>,
    presented: &Presented,
    env: &Env,
    context: &Context,
) -> Result<Response, ApiError> {
    match route {
        Caller::CreateJob => create::answer(head, incoming, presented, env, context).await,
        Caller::ListJobs => list::answer(head, presented, env).await,
        Caller::GetJob(id) => job::get(id, head, presented, env).await,
        Caller::CancelJob(id) => job::cancel(id, head, incoming, presented, env).await,
        Caller::JobEvents(id) => events::answer(id, head, presented, env).await,
        Caller::Embeddings => proxy::infer(EmbeddingsRequest::parse, head, incoming, presented, env).await,
        Caller::ChatCompletions => proxy::infer(ChatRequest::parse, head, incoming, presented, env).await,
        Caller::Completions => proxy::infer(CompletionRequest::parse, head, incoming, presented, env).await,
        Caller::SimpleChat => proxy::infer(short, head, incoming, presented, env).await,
        Caller::ListModels | Caller::GetModel => proxy::read(head, presented, env).await,
    }
}

/// Parses a simple chat request and rejects it if the equivalent conversation is invalid.
fn short(body: Checked<'_>) -> Result<ChatRequest, Problem> {
    SimpleChat::parse(body)?.request()
}
