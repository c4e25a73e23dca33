//! The route table.

use super::BodyLimit::{Job, Model};
use super::Method::{Delete, Get, Post};
use super::{Caller, EdgeService, Local, OriginService, Public, Route, RouteInfo};

/// Every route of the edge and the origin.
pub const ROUTES: &[RouteInfo] = &[
    RouteInfo::new(Get, "/health", Route::Public(Public::Health)),
    RouteInfo::new(Get, "/openapi.json", Route::Public(Public::OpenApi)),
    RouteInfo::new(Post, "/api/v1/jobs", Route::Caller(Caller::CreateJob)).takes(Job).makes_a_job(),
    RouteInfo::new(Get, "/api/v1/jobs", Route::Caller(Caller::ListJobs)),
    RouteInfo::new(Get, "/api/v1/jobs/{id}", Route::Caller(Caller::GetJob(()))),
    RouteInfo::new(Post, "/api/v1/jobs/{id}/cancel", Route::Caller(Caller::CancelJob(()))),
    RouteInfo::new(Get, "/api/v1/jobs/{id}/events", Route::Caller(Caller::JobEvents(()))),
    RouteInfo::new(Get, "/api/v1/workers", Route::Local(Local::ListWorkers)),
    RouteInfo::new(Post, "/v1/embeddings", Route::Caller(Caller::Embeddings)).takes(Model).openai(),
    RouteInfo::new(Post, "/v1/chat/completions", Route::Caller(Caller::ChatCompletions))
        .takes(Model)
        .openai(),
    RouteInfo::new(Post, "/v1/completions", Route::Caller(Caller::Completions)).takes(Model).openai(),
    RouteInfo::new(Get, "/v1/models", Route::Caller(Caller::ListModels)).openai(),
    RouteInfo::new(Get, "/v1/models/{*id}", Route::Caller(Caller::GetModel)).openai(),
    RouteInfo::new(Post, "/chat", Route::Caller(Caller::SimpleChat)).takes(Model),
    RouteInfo::new(Post, "/internal/ledger/states", Route::Edge(EdgeService::JobStates)).takes(Job),
    RouteInfo::new(Post, "/internal/keys", Route::Edge(EdgeService::CreateKey)).takes(Job),
    RouteInfo::new(Get, "/internal/keys", Route::Edge(EdgeService::ListKeys)),
    RouteInfo::new(Delete, "/internal/keys/{id}", Route::Edge(EdgeService::RevokeKey(()))),
    RouteInfo::new(Post, "/internal/revoked", Route::Origin(OriginService::KeyRevoked)).takes(Job),
];
