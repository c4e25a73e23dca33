//! Checks a request before its handler runs, depending on who may call the route. The handler gets
//! only what the check proves. For example, a handler of a public route gets no owner. Errors have
//! the format that the route table names.

use axum::Extension;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRef, Path, State};
use axum::handler::Handler;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use cortex_api::Problem;
use cortex_api::routes::{Method, RouteInfo};
use cortex_domain::id::JobId;

use cortex_platform::telemetry;

use crate::auth::{Admitted, AnyCaller, LocalCaller, SignedByEdge};
use crate::error::{self, ApiError};
use crate::gateway::Gateway;

/// The components of the gateway that a handler uses.
pub(super) trait HandlerState: FromRef<Gateway> + Send + Sync + 'static {}

impl<S: FromRef<Gateway> + Send + Sync + 'static> HandlerState for S {}

/// The future of a handler.
pub(super) trait HandlerFuture: Future<Output = Result<Self::Body, Problem>> + Send {
    type Body: IntoResponse;
}

impl<A: IntoResponse, F: Future<Output = Result<A, Problem>> + Send> HandlerFuture for F {
    type Body = A;
}

/// A route for everyone.
pub(super) fn public<S: HandlerState, A: HandlerFuture>(
    info: &'static RouteInfo,
    handler: impl Fn(S) -> A + Clone + Send + Sync + 'static,
) -> MethodRouter<Gateway> {
    with_info(info, async move |State(parts): State<S>, _: AnyCaller| respond(info, handler(parts).await))
}

/// A route for authenticated callers.
pub(super) fn caller<S: HandlerState, A: HandlerFuture>(
    info: &'static RouteInfo,
    handler: impl Fn(S, Admitted) -> A + Clone + Send + Sync + 'static,
) -> MethodRouter<Gateway> {
    with_info(info, async move |State(parts): State<S>, admitted: Admitted| {
        respond(info, handler(parts, admitted).await)
    })
}

/// A route for authenticated callers with a name in its path. A name that is not UTF-8 counts as
/// empty, so that only authenticated callers learn that it is unknown.
pub(super) fn caller_with_name<S: HandlerState, A: HandlerFuture>(
    info: &'static RouteInfo,
    handler: impl Fn(S, String, Admitted) -> A + Clone + Send + Sync + 'static,
) -> MethodRouter<Gateway> {
    with_info(info, async move |State(parts): State<S>, name: PathParam, admitted: Admitted| {
        let name = name.map_or_else(|_| String::new(), |Path(name)| name);
        respond(info, handler(parts, name, admitted).await)
    })
}

/// A route for authenticated callers with a job id in its path. Only they learn that an invalid id
/// names no job.
pub(super) fn caller_with_job<S: HandlerState, A: HandlerFuture>(
    info: &'static RouteInfo,
    handler: impl Fn(S, JobId, Admitted) -> A + Clone + Send + Sync + 'static,
) -> MethodRouter<Gateway> {
    with_info(info, async move |State(parts): State<S>, name: PathParam, admitted: Admitted| {
        let answered = match name.ok().and_then(|Path(id)| id.parse().ok()) {
            Some(id) => {
                telemetry::record_job(id);
                handler(parts, id, admitted).await
            }
            None => Err(error::job_not_found()),
        };
        respond(info, answered)
    })
}

/// A route for callers on this machine.
pub(super) fn local<S: HandlerState, A: HandlerFuture>(
    info: &'static RouteInfo,
    handler: impl Fn(S) -> A + Clone + Send + Sync + 'static,
) -> MethodRouter<Gateway> {
    with_info(info, async move |State(parts): State<S>, _: LocalCaller| respond(info, handler(parts).await))
}

/// A route for requests that the edge signed.
pub(super) fn service<S: HandlerState, A: HandlerFuture>(
    info: &'static RouteInfo,
    handler: impl Fn(S, SignedByEdge) -> A + Clone + Send + Sync + 'static,
) -> MethodRouter<Gateway> {
    with_info(info, async move |State(parts): State<S>, signed: SignedByEdge| {
        respond(info, handler(parts, signed).await)
    })
}

/// The parameter of a path. An invalid one must not be reported before the caller is authenticated.
type PathParam = Result<Path<String>, PathRejection>;

/// Adds the entry of the route table to a handler's requests, for the checks that run before it.
fn with_info<T: 'static>(
    info: &'static RouteInfo,
    handler: impl Handler<T, Gateway>,
) -> MethodRouter<Gateway> {
    on(filter(info.method), handler).route_layer(Extension(info))
}

fn respond<A: IntoResponse>(info: &RouteInfo, answered: Result<A, Problem>) -> Response {
    match answered {
        Ok(answer) => answer.into_response(),
        Err(problem) => ApiError { problem, shape: info.errors }.into_response(),
    }
}

fn filter(method: Method) -> MethodFilter {
    match method {
        Method::Get => MethodFilter::GET,
        Method::Post => MethodFilter::POST,
        Method::Delete => MethodFilter::DELETE,
    }
}
