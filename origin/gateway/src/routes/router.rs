//! Builds the router from the route table.

use axum::Router;
use axum::routing::MethodRouter;
use cortex_api::routes::{AtOrigin, Caller, Local, OriginService, Public, ROUTES, RouteInfo, shape};
use cortex_api::{Problem, not_served};
use cortex_domain::ErrorCode;
use http::Uri;

use super::access::{caller, caller_with_job, caller_with_name, local, public, service};
use super::{api::v1::jobs, api::v1::workers, chat, health, internal, openapi, v1};
use crate::error::ApiError;
use crate::gateway::Gateway;

/// Returns the gateway's router.
pub(crate) fn router(gateway: Gateway) -> Router {
    let served = ROUTES.iter().filter_map(|info| Some((info, info.route.at_origin()?)));
    served
        .fold(Router::new(), |router, (info, route)| router.route(info.path, handler(route, info)))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(gateway)
}

/// Returns the handler of a route. A route without a handler does not compile.
fn handler(route: AtOrigin, info: &'static RouteInfo) -> MethodRouter<Gateway> {
    match route {
        AtOrigin::Public(Public::Health) => public(info, health::check),
        AtOrigin::Public(Public::OpenApi) => public(info, openapi::show),
        AtOrigin::Caller(Caller::CreateJob) => caller(info, jobs::create),
        AtOrigin::Caller(Caller::ListJobs) => caller(info, jobs::list),
        AtOrigin::Caller(Caller::GetJob(())) => caller_with_job(info, jobs::get),
        AtOrigin::Caller(Caller::CancelJob(())) => caller_with_job(info, jobs::cancel),
        AtOrigin::Caller(Caller::JobEvents(())) => caller_with_job(info, jobs::events),
        AtOrigin::Caller(Caller::Embeddings) => caller(info, v1::embeddings::create),
        AtOrigin::Caller(Caller::ChatCompletions) => caller(info, v1::chat::create),
        AtOrigin::Caller(Caller::Completions) => caller(info, v1::completions::create),
        AtOrigin::Caller(Caller::SimpleChat) => caller(info, chat::create),
        AtOrigin::Caller(Caller::ListModels) => caller(info, v1::models::list),
        AtOrigin::Caller(Caller::GetModel) => caller_with_name(info, v1::models::get),
        AtOrigin::Local(Local::ListWorkers) => local(info, workers::list),
        AtOrigin::Service(OriginService::KeyRevoked) => service(info, internal::revoked::revoked),
    }
}

async fn not_found(uri: Uri) -> ApiError {
    error(uri.path(), not_served(uri.path()))
}

async fn method_not_allowed(uri: Uri) -> ApiError {
    error(uri.path(), Problem::new(ErrorCode::MethodNotAllowed, "method not allowed on this path"))
}

fn error(path: &str, problem: Problem) -> ApiError {
    ApiError { problem, shape: shape(path) }
}
