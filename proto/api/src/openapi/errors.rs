//! The errors of each route, and their format.

use std::collections::BTreeMap;

use cortex_domain::ErrorCode;
use serde_json::{Map, Value, json};

use super::schemas::Schemas;
use crate::problem::{self, Shape, schema};
use crate::routes::{Access, BodyLimit, Caller, EdgeService, Mode, Route, RouteInfo};

/// Returns the error responses of a route.
pub(super) fn responses(info: &RouteInfo, schemas: &mut Schemas) -> Map<String, Value> {
    let mut by_status = BTreeMap::<u16, Vec<ErrorCode>>::new();
    for code in codes(info) {
        by_status.entry(problem::status(code)).or_default().push(code);
    }
    by_status
        .into_iter()
        .map(|(status, codes)| (status.to_string(), response(info, &codes, schemas)))
        .collect()
}

fn response(info: &RouteInfo, codes: &[ErrorCode], schemas: &mut Schemas) -> Value {
    let mut said: Vec<_> =
        codes.iter().map(|code| format!("`{}`: {}.", code.slug(), problem::title(*code))).collect();
    if info.access() == Access::Public && codes.contains(&ErrorCode::Unauthenticated) {
        said.push("Only at the origin, for a request with an invalid signature.".to_owned());
    }
    let (content_type, schema) = match info.errors {
        Shape::Problem => ("application/problem+json", schemas.answer::<schema::Problem>()),
        Shape::OpenAi => ("application/json", schemas.answer::<schema::OpenAiError>()),
    };
    let mut response = json!({
        "description": said.join("\n"),
        "content": {content_type: {"schema": schema}},
    });
    let waits = [
        ErrorCode::Conflict,
        ErrorCode::Overloaded,
        ErrorCode::OriginAway,
        ErrorCode::Unavailable,
        ErrorCode::StorageFull,
    ];
    if codes.iter().any(|code| waits.contains(code)) {
        response["headers"] = json!({"Retry-After": {"$ref": "#/components/headers/Retry-After"}});
    }
    if codes.contains(&ErrorCode::Unauthenticated) {
        response["headers"] = json!({"WWW-Authenticate": {"schema": {"type": "string"}}});
    }
    response
}

/// Returns the error codes that any request to a route may get.
fn codes(info: &RouteInfo) -> Vec<ErrorCode> {
    use ErrorCode as E;
    // Errors about the head, and errors of an overloaded or failing server.
    let mut codes =
        vec![E::InvalidRequest, E::Denied, E::HeadersTooLarge, E::TooLarge, E::UnsupportedMediaType];
    codes.extend([E::Unauthenticated, E::Internal, E::Unavailable]);
    if info.access() != Access::Public {
        codes.push(E::Overloaded);
    }
    if info.access() == Access::Caller {
        codes.push(E::OriginAway);
    }
    if info.path.contains('{') || matches!(info.access(), Access::Local | Access::Service) {
        codes.push(E::NotFound);
    }
    if info.body.is_json() {
        codes.extend([E::MalformedJson, E::TooDeep, E::SecretInInput]);
    }
    if info.body == BodyLimit::Model {
        codes.extend([E::UnknownModel, E::Conflict, E::WorkerFailed, E::Timeout, E::StorageFull]);
    }
    if info.mode == Mode::Job {
        codes.extend([E::UnknownTopic, E::IdempotencyMismatch, E::Conflict, E::StorageFull, E::Timeout]);
    }
    match info.route {
        Route::Caller(Caller::ChatCompletions | Caller::Completions) => codes.push(E::StreamGone),
        Route::Caller(Caller::CancelJob(())) => codes.push(E::Conflict),
        Route::Caller(Caller::GetModel) => {
            codes.retain(|code| *code != E::NotFound);
            codes.push(E::UnknownModel);
        }
        Route::Edge(EdgeService::ListKeys | EdgeService::JobStates | EdgeService::CreateKey) => {
            codes.retain(|code| *code != E::NotFound);
        }
        _ => {}
    }
    codes
}
