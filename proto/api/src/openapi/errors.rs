//! Errors: the two shapes, and which of them a route may answer with.

use std::collections::BTreeMap;

use cortex_domain::ErrorCode;
use serde_json::{Map, Value, json};

use super::schema::{Components, about, count, list, object, one_of, reference, string, whole};
use crate::problem::{self, Shape};
use crate::routes::{Access, BodyLimit, Caller, EdgeService, Mode, Route, RouteInfo};

pub(super) fn components() -> Components {
    vec![("Problem", problem()), ("OpenAiError", openai())]
}

fn problem() -> Value {
    let types: Vec<_> = ErrorCode::ALL.iter().map(|code| problem::urn(*code)).collect();
    let types: Vec<_> = types.iter().map(String::as_str).collect();
    object()
        .required("type", about(one_of(&types), "What went wrong, by a name that never changes."))
        .required("title", string())
        .required("status", whole(400, 599))
        .required("detail", about(string(), "What failed and what to do, for people."))
        .maybe("param", about(string(), "The parameter or header at fault."))
        .maybe("retry_after", about(count(), "Seconds; also the header `Retry-After`."))
        .maybe("limit", about(count(), "The limit that was met."))
        .maybe("allow", about(list(string()), "The methods that the path takes."))
        .maybe("known_topics", list(string()))
        .maybe("rule", about(string(), "The rule of the policy that refused it."))
        .build()
}

fn openai() -> Value {
    let codes: Vec<_> = ErrorCode::ALL.iter().map(|code| code.slug()).collect();
    let kinds = [
        "authentication_error",
        "permission_error",
        "rate_limit_error",
        "server_error",
        "invalid_request_error",
    ];
    let error = object()
        .required("message", string())
        .required("type", one_of(&kinds))
        .nullable("param", string())
        .required("code", about(one_of(&codes), "What went wrong, by a name that never changes."));
    object().required("error", error.build()).build()
}

/// The responses by which a route refuses.
pub(super) fn responses(info: &RouteInfo) -> Map<String, Value> {
    let mut by_status = BTreeMap::<u16, Vec<ErrorCode>>::new();
    for code in codes(info) {
        by_status.entry(problem::status(code)).or_default().push(code);
    }
    by_status.into_iter().map(|(status, codes)| (status.to_string(), response(info.errors, &codes))).collect()
}

fn response(shape: Shape, codes: &[ErrorCode]) -> Value {
    let said: Vec<_> =
        codes.iter().map(|code| format!("`{}`: {}.", code.slug(), problem::title(*code))).collect();
    let (content_type, schema) = match shape {
        Shape::Problem => ("application/problem+json", "Problem"),
        Shape::OpenAi => ("application/json", "OpenAiError"),
    };
    let mut response = json!({
        "description": said.join("\n"),
        "content": {content_type: {"schema": reference(schema)}},
    });
    let waits =
        [ErrorCode::Overloaded, ErrorCode::OriginAway, ErrorCode::Unavailable, ErrorCode::StorageFull];
    if codes.iter().any(|code| waits.contains(code)) {
        response["headers"] = json!({"Retry-After": {"$ref": "#/components/headers/Retry-After"}});
    }
    if codes.contains(&ErrorCode::Unauthenticated) {
        response["headers"] = json!({"WWW-Authenticate": {"schema": string()}});
    }
    response
}

/// What may go wrong with any request to a route.
fn codes(info: &RouteInfo) -> Vec<ErrorCode> {
    use ErrorCode as E;
    // Of the head, and of a door that is in trouble.
    let mut codes =
        vec![E::InvalidRequest, E::Denied, E::HeadersTooLarge, E::TooLarge, E::UnsupportedMediaType];
    codes.extend([E::Internal, E::Unavailable]);
    if info.access() != Access::Public {
        codes.extend([E::Unauthenticated, E::Overloaded]);
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
