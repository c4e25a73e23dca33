//! Assembles the document.

use cortex_domain::id::JobId;
use serde_json::{Map, Value, json};

use super::schemas::Schemas;
use super::{errors, operations, parameters};
use crate::body::MAX_DEPTH;
use crate::routes::{Access, BodyLimit, Mode, ROUTES, RouteInfo, ServedBy};

/// Returns the document.
#[must_use]
pub fn document() -> Value {
    let mut schemas = Schemas::new();
    let mut paths = Map::<String, Value>::new();
    for info in ROUTES {
        let path = paths.entry(info.path.replace("{*", "{")).or_insert_with(|| json!({}));
        path[info.method.as_str().to_ascii_lowercase()] = operation(info, &mut schemas);
    }
    let job_id = json!({
        "description": "The job that the request created. An error has it only if the request \
            created a job.",
        "schema": schemas.answer::<JobId>(),
    });
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "CortexOS",
            "version": env!("CARGO_PKG_VERSION"),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": format!(
                "The edge and the origin serve the same paths, unless an operation says otherwise. A \
                    body is JSON in UTF-8, nested at most {MAX_DEPTH} levels deep, without duplicate \
                    members. A member that is null counts as missing, and an unknown member is an \
                    error. Limits on strings count bytes of UTF-8, while JSON Schema counts \
                    characters."
            ),
        },
        "servers": [{"url": "/"}],
        "tags": tags(),
        "paths": paths,
        "components": {
            "schemas": schemas.components(),
            "headers": {
                "Cortex-Job-Id": job_id,
                "Retry-After": {"description": "Seconds.", "schema": {"type": "integer", "minimum": 1}},
            },
            "securitySchemes": security_schemes(),
        },
    });
    sorted(document)
}

/// Returns the document as the text that is checked in.
#[must_use]
pub fn text() -> String {
    format!("{:#}\n", document())
}

fn operation(info: &RouteInfo, schemas: &mut Schemas) -> Value {
    let described = operations::of(info.route, schemas);
    let mut responses = errors::responses(info, schemas);
    // A success has precedence over an error of the same status.
    responses.extend(described.answers);
    if info.body == BodyLimit::Model || info.mode == Mode::Job {
        for response in responses.values_mut() {
            response["headers"]["Cortex-Job-Id"] = json!({"$ref": "#/components/headers/Cortex-Job-Id"});
        }
    }
    let mut operation = json!({
        "operationId": described.id,
        "tags": [described.tag],
        "summary": described.summary,
        "security": security(info),
        "responses": responses,
    });
    let parameters = parameters::of(info, schemas);
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some((schema, example)) = described.body {
        let media = json!({"schema": schema, "example": example});
        operation["requestBody"] = json!({"required": true, "content": {"application/json": media}});
        operation["x-max-body-bytes"] = info.body.bytes().into();
    }
    if let Some(role) = info.role {
        operation["x-role"] = role.into();
    }
    match info.served_by() {
        ServedBy::Both => {}
        ServedBy::Edge => operation["x-served-by"] = "edge".into(),
        ServedBy::Origin => operation["x-served-by"] = "origin".into(),
    }
    operation
}

fn security(info: &RouteInfo) -> Value {
    match info.access() {
        Access::Public => json!([]),
        Access::Caller => json!([{"key": []}]),
        Access::Local => json!([{"localKey": []}]),
        Access::Service => json!([{"signature": []}]),
    }
}

fn security_schemes() -> Value {
    let bearer = |text: &str| json!({"type": "http", "scheme": "bearer", "description": text});
    let signature = "HMAC-SHA-256 over the method, path, query, content type, body digest, and every `cortex-*` and preference \
                     header, with a nonce.";
    json!({
        "key": bearer("An API key, `ctx_...`. At the origin, callers on the same machine use the \
            local key."),
        "localKey": bearer("The key for callers on the origin's machine."),
        "signature": {"type": "apiKey", "in": "header", "name": crate::headers::SIGNATURE, "description": signature},
    })
}

fn tags() -> Value {
    json!([
        {"name": "jobs", "description": "Durable jobs, which continue after their caller has disconnected."},
        {"name": "models", "description": "Inference with OpenAI's API, and `/chat`."},
        {"name": "workers", "description": "The workers that run the jobs."},
        {"name": "service", "description": "The health of the service."},
        {"name": "internal", "description": "Signed requests between the edge, the origin and the \
            command line."},
    ])
}

/// Sorts the members of every object, so that the text does not depend on the order of a map.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.into_iter().collect();
            members.sort_by(|(one, _), (other, _)| one.cmp(other));
            Value::Object(members.into_iter().map(|(name, value)| (name, sorted(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        value => value,
    }
}
